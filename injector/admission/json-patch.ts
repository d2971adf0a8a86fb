import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '../../core/pods/pod.ts'

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove'
  readonly path: string
  /** Missing in a removal. */
  readonly value?: unknown
}

/** The patch that makes one pod of another, by whole fields of `metadata` and `spec`. */
export function podPatch(before: Pod, after: Pod): readonly PatchOperation[] {
  return (['metadata', 'spec'] as const).flatMap((part) =>
    fieldPatch(part, before[part], after[part]),
  )
}

function fieldPatch(
  part: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly PatchOperation[] {
  const gone = Object.keys(before)
    .filter((field) => before[field] !== undefined && after[field] === undefined)
    .map((field) => ({ op: 'remove' as const, path: `/${part}/${field}` }))
  const written = Object.keys(after)
    .filter(
      (field) => after[field] !== undefined && !isDeepStrictEqual(before[field], after[field]),
    )
    .map((field) => ({
      op: before[field] === undefined ? ('add' as const) : ('replace' as const),
      path: `/${part}/${field}`,
      value: after[field],
    }))
  return [...written, ...gone]
}

/** The first place where two values differ, as a JSON path; undefined when they are equal. */
export function firstDifference(want: unknown, have: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(want, have)) return undefined
  if (!isObject(want) || !isObject(have)) return path
  const keys = new Set([...Object.keys(want), ...Object.keys(have)])
  for (const key of keys) {
    const step = Array.isArray(want) ? `[${key}]` : `.${key}`
    const found = firstDifference(want[key], have[key], `${path}${step}`)
    if (found !== undefined) return found
  }
  return path
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
