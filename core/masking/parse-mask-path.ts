import type { PathPattern } from './path-rules.ts'

const STEP =
  /\.\.(?=[A-Za-z_*['-])|\.?\[(?:\*|\d{1,6}|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]|(?:^|\.|(?<=\.\.))[A-Za-z0-9_*/-]+/y

/** Longer than any path of Kubernetes' own types. */
const STEPS_MAX = 32

/**
 * Reads a JSON path as kubectl takes them: `.spec.cards[*].number`, `data['tls.key']`, `..password` for any depth.
 * Undefined when it is none, or has filters, slices or more than 32 steps.
 */
export function parseMaskPath(text: string): PathPattern | undefined {
  const path = text
    .replace(/^\{(.*)\}$/, '$1')
    .replace(/^\$/, '')
    .replace(/^\.(?!\.)/, '')
  const steps: string[] = []
  let at = 0
  while (at < path.length) {
    STEP.lastIndex = at
    const found = STEP.exec(path)?.[0]
    if (found === undefined || found === '') return undefined
    at += found.length
    steps.push(stepOf(found))
  }
  return steps.length === 0 || steps.length > STEPS_MAX ? undefined : steps
}

function stepOf(found: string): string {
  if (found === '..') return '**'
  const bare = found.replace(/^\./, '')
  if (!bare.startsWith('[')) return bare
  const inside = bare.slice(1, -1)
  return /^['"]/.test(inside) ? inside.slice(1, -1).replaceAll(/\\(.)/g, '$1') : inside
}
