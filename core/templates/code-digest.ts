import { createHash } from 'node:crypto'
import { type AnyWorkload, codeOf } from './code-of.ts'

/** A mark of a restart alone, which nobody answers for. The list of an installation may differ from time to time. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
/** Enough that nobody finds a second object with the same one. */
const DIGEST_CHARACTERS = 32

/**
 * What chooses code in an object, as three short digests that are joined by dots: of its spec, of the labels by
 * which it is adopted, of what controls it; the last is empty when nothing does. Two objects with the same one
 * choose the same code. Annotations and the `revision` of a ControllerRevision are left out: the controllers of
 * the cluster number revisions in them.
 */
export function codeDigest(type: string, object: AnyWorkload): string {
  const code = codeOf(type, object, (key) => key === RESTARTED_AT) as {
    readonly spec: unknown
    readonly labels: unknown
    readonly controllers: readonly unknown[]
    readonly annotations: unknown
    readonly revision?: unknown
  }
  const { labels, controllers, annotations: _annotations, revision: _revision, ...rest } = code
  const controlled = controllers.length === 0 ? '' : digestOf(controllers)
  return [digestOf(rest), digestOf(labels), controlled].join('.')
}

/** Which parts of what an object chooses by were never seen, whether together or apart. */
export function unseenParts(digest: string, seen: readonly string[]): readonly CodePart[] {
  const known = seen.map((one) => one.split('.'))
  const parts = digest.split('.')
  return CODE_PARTS.filter((_, index) => {
    const part = parts[index] ?? ''
    return part !== '' && !known.some((one) => one[index] === part)
  })
}

const CODE_PARTS = ['spec', 'labels', 'controller'] as const
/** What of an object somebody may have changed unseen. */
export type CodePart = (typeof CODE_PARTS)[number]

function digestOf(value: unknown): string {
  const text = JSON.stringify(sorted(value)) ?? ''
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_CHARACTERS)
}

/** In one order, and without null: servers of two versions write an empty field in two ways. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, one]) => one !== null && one !== undefined)
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]),
  )
}
