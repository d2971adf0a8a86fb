import type { MaskRule } from './mask-rules.ts'
import type { PathState } from './path-rules.ts'
import { isCredentialFile } from './secret-texts.ts'

/**
 * Why a JSON patch would tell what is hidden, in words; undefined when it would not. A test says whether a guess is
 * right, and copy and move bring a value to where it is shown. `places` are those of an object.
 * Source: RFC 6902.
 */
export function judgeJsonPatch(
  patch: unknown,
  places: PathState<MaskRule> | undefined,
): string | undefined {
  if (!Array.isArray(patch)) return undefined
  for (const [index, operation] of patch.entries()) {
    const { op, from, path, value } = asObject(operation)
    const at = `[${index}]`
    if (op === 'test' && tellsByTest(path, value, places)) {
      return `${at}: a test of ${shown(path)} would tell what is hidden there; leave it out, or test /metadata/resourceVersion`
    }
    if ((op === 'copy' || op === 'move') && reaches(from, places) !== undefined) {
      return `${at}: a ${op} from ${shown(from)} would bring what is hidden there to another place; send add with the value that is meant`
    }
  }
  return undefined
}

/** A text or a number is never equal to an object, so a test of what only has hidden values inside tells nothing by it. */
function tellsByTest(path: unknown, value: unknown, places: PathState<MaskRule> | undefined) {
  const place = reaches(path, places)
  if (place === undefined) return false
  if (typeof value === 'object' && value !== null) return true
  return place.rules.some(({ form }) => !isShown(value, form))
}

/** Whether a value would be shown where it stood: then a test says nothing of what is hidden, whether it holds or not. */
function isShown(value: unknown, form: MaskRule['form']): boolean {
  if (typeof value !== 'string') return false
  if (form === 'file') return !isCredentialFile(value)
  return form === 'base64 file' && !isCredentialFile(Buffer.from(value, 'base64').toString())
}

/** What is hidden at a place or inside of it; undefined when nothing is. What is no pointer reaches everything. */
function reaches(pointer: unknown, places: PathState<MaskRule> | undefined) {
  if (typeof pointer !== 'string') return places
  const keys = pointer.split('/').slice(1)
  let state = places
  for (const key of keys) {
    // What is hidden as a whole is hidden in each part.
    if (state === undefined) return undefined
    state = state.step(key.replaceAll('~1', '/').replaceAll('~0', '~'))
  }
  return state
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function shown(pointer: unknown): string {
  return JSON.stringify(String(pointer).slice(0, 256))
}
