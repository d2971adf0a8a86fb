import { parseMaskProfile } from '../../core/masking/parse-mask-profile.ts'
import type { MaskProfileLookup } from '../../core/policy/parse-masks.ts'

/** Finds the MaskProfiles among objects by their names. */
export function findMaskProfiles(objects: readonly unknown[]): MaskProfileLookup {
  const found = objects.map((object) => ({ name: nameOf(object), object }))
  return (name) => {
    const one = found.find((profile) => profile.name === name)
    return one === undefined ? undefined : parseMaskProfile(one.object)
  }
}

/** Undefined for an object of another kind. */
function nameOf(object: unknown): string | undefined {
  const { kind, metadata } = (object ?? {}) as {
    readonly kind?: unknown
    readonly metadata?: { readonly name?: string }
  }
  return kind === 'MaskProfile' ? metadata?.name : undefined
}
