import type { ImageMirror } from '../injection/sidecar-container.ts'

/**
 * Whether an image is the sidecar's under another name: the same reference with Docker's default
 * registry spelled out, the same digest in any registry, or what one of the mirrors makes of it.
 */
export function isSameImage(
  want: string,
  have: string | undefined,
  mirrors: readonly ImageMirror[],
): boolean {
  if (have === undefined) return false
  const digest = digestOf(want)
  if (digest !== undefined && digestOf(have) === digest) return true
  const names = mirrors.flatMap(({ from, to }) =>
    [want, canonical(want)]
      .filter((name) => name.startsWith(from))
      .map((name) => to + name.slice(from.length)),
  )
  return [want, ...names].some((name) => canonical(name) === canonical(have))
}

function digestOf(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1]
}

/** As container runtimes read it. Keep in step with distribution/reference ParseNormalizedNamed. */
function canonical(image: string): string {
  const [first = '', ...rest] = image.split('/')
  const registry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const path = registry ? rest.join('/') : image
  const host = registry && first !== 'index.docker.io' ? first : 'docker.io'
  const official = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  const last = official.slice(official.lastIndexOf('/') + 1)
  return `${host}/${official}${/[:@]/.test(last) ? '' : ':latest'}`
}
