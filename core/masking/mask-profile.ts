import type { OwnPattern } from './credentials/own-patterns.ts'
import type { PathPattern } from './path-rules.ts'

/** A place in objects of one resource that a MaskProfile hides. */
export interface MaskedField {
  readonly apiGroup: string
  /** Plural, as in URLs. */
  readonly resource: string
  readonly path: PathPattern
}

/** What an administrator hides besides the built-in masks: the object of the same name in the API, checked. */
export interface MaskProfile {
  readonly name: string
  readonly fields: readonly MaskedField[]
  readonly patterns: readonly OwnPattern[]
}

/** A MaskProfile that is refused as a whole: half of one would show what its other half hides. */
export interface InvalidMaskProfile {
  readonly name: string
  /** Sentences, each with the field that it is about and what to write instead. */
  readonly problems: readonly string[]
}
