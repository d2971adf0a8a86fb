/** Deep enough for `spec.template.metadata.annotations.KEY`. */
const DEPTH_MAX = 5
/** Enough to tell what somebody did, and bounded. */
const PATHS_MAX = 16

/**
 * Where two objects differ, as dotted paths in the order of the second; a list counts as one value. At
 * most 16, and no values: those may be secrets.
 */
export function changedPaths(before: unknown, after: unknown): readonly string[] {
  return differences(before, after, '', 0).slice(0, PATHS_MAX)
}

function differences(
  before: unknown,
  after: unknown,
  path: string,
  depth: number,
): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (depth === DEPTH_MAX || !(isMap(before) || isMap(after))) return [path]
  const [old, young] = [asMap(before), asMap(after)]
  const names = new Set([...Object.keys(young), ...Object.keys(old)])
  return [...names].flatMap((name) =>
    differences(old[name], young[name], path === '' ? name : `${path}.${name}`, depth + 1),
  )
}

type JsonMap = Readonly<Record<string, unknown>>

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asMap(value: unknown): JsonMap {
  return isMap(value) ? value : {}
}
