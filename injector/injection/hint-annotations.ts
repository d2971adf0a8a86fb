import type { DelegationChain } from '../../core/chain.ts'
import { escapeText } from '../../core/escape-text.ts'
import { CHAIN_ANNOTATION, ROOT_REQUESTER_ANNOTATION } from '../../core/names.ts'
import type { Pod } from '../../core/pods/pod.ts'
import { isAuthorsAnnotation, isOurs } from './inject-sidecar.ts'

type Hints = Readonly<Record<string, string>>

/** Keys and values of all annotations of an object, in bytes (ValidateAnnotationsSize, v1.34). */
const ANNOTATIONS_BYTES_MAX = 256 * 1_024
/** A line that people read; the record has the whole. */
const HINT_LENGTH_MAX = 2_048
const CUT = '…'

/** What people may read on a pod. It grants nothing: the record is keyed by the pod's UID. */
export function hintsOf(chain: DelegationChain): Hints {
  const root = shortened(escapeText(chain.rootRequester.username))
  const steps = chain.actors.map(({ namespace, name }) => `${namespace}/${name}`)
  return {
    [ROOT_REQUESTER_ANNOTATION]: root,
    [CHAIN_ANNOTATION]: chainHint(root, steps),
  }
}

/** The hints for which there is room beside the pod's own annotations, the root requester's first. */
export function hintsThatFit(pod: Pod, hints: Hints): Hints {
  const own = Object.entries(pod.metadata.annotations ?? {}).filter(
    ([key]) => !isOurs(key) || isAuthorsAnnotation(key),
  )
  let left = ANNOTATIONS_BYTES_MAX - own.map(bytesOf).reduce((sum, bytes) => sum + bytes, 0)
  const fitting = Object.entries(hints).filter((entry) => {
    const bytes = bytesOf(entry)
    if (bytes > left) return false
    left -= bytes
    return true
  })
  return Object.fromEntries(fitting)
}

/** The hints as they stand on the pod. */
export function hintsOn(pod: Pod): Hints {
  const annotations = Object.entries(pod.metadata.annotations ?? {})
  return Object.fromEntries(
    annotations.filter(([key]) => key === ROOT_REQUESTER_ANNOTATION || key === CHAIN_ANNOTATION),
  )
}

/**
 * A hint on the pod that says something else than the chain, or is missing although there is room;
 * undefined when there is none. It would mislead whoever reads it.
 */
export function wrongHint(pod: Pod, hints: Hints): string | undefined {
  const [have, fitting] = [hintsOn(pod), hintsThatFit(pod, hints)]
  return Object.keys(hints).find((key) => {
    const value = have[key]
    return value === undefined ? fitting[key] !== undefined : value !== hints[key]
  })
}

/** Who began it, and as many of the last steps as there is room for. */
function chainHint(root: string, steps: readonly string[]): string {
  const whole = [root, ...steps].join(' > ')
  if (whole.length <= HINT_LENGTH_MAX) return whole
  let last = ''
  for (const step of steps.toReversed()) {
    const longer = ` > ${step}${last}`
    if (root.length + longer.length > HINT_LENGTH_MAX) break
    last = longer
  }
  return shortened(`${root} > ${CUT}${last}`)
}

function shortened(text: string): string {
  return text.length <= HINT_LENGTH_MAX ? text : `${text.slice(0, HINT_LENGTH_MAX)}${CUT}`
}

function bytesOf([key, value]: readonly [string, string]): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value)
}
