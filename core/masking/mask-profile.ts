import { createHash } from 'node:crypto'
import type { OwnPattern } from './credentials/own-patterns.ts'
import type { PathPattern } from './path-rules.ts'

/** A place in objects of one resource that a MaskProfile hides, with all below it. */
export interface MaskedField {
  readonly apiGroup: string
  /** Plural, as in URLs. */
  readonly resource: string
  readonly path: PathPattern
}

/** A MaskProfile as it goes to whoever masks. */
export interface MaskDefinition {
  /** NAME@DIGEST, as obligations and records name it: a profile that was changed has another. */
  readonly id: string
  /** The object as JSON, of which only the name and the spec count. */
  readonly definition: string
}

/** What an administrator hides besides the built-in masks: the object of the same name in the API, checked. */
export interface MaskProfile extends MaskDefinition {
  readonly name: string
  readonly fields: readonly MaskedField[]
  /** Each under the name of its profile's id. */
  readonly patterns: readonly OwnPattern[]
}

/** A MaskProfile that is refused as a whole: half of one would show what its other half hides. */
export interface InvalidMaskProfile {
  readonly name: string
  /** Sentences, each with the field that it is about and what to write instead. */
  readonly problems: readonly string[]
}

const DIGEST_CHARACTERS = 16
const ID = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?@[0-9a-f]{16}$/

/** Name and spec of a MaskProfile, and the id that they have. */
export function defineMaskProfile(name: string, spec: unknown): MaskDefinition {
  const definition = JSON.stringify({ metadata: { name }, spec })
  const digest = createHash('sha256').update(definition).digest('hex')
  return { id: `${name}@${digest.slice(0, DIGEST_CHARACTERS)}`, definition }
}

/** Whether a text that was read is the id of a MaskProfile. */
export function isMaskProfileId(text: string): boolean {
  return ID.test(text)
}

/** The name of a mask without what tells one version of a MaskProfile from another. */
export function maskNameOf(idOrName: string): string {
  return idOrName.replace(/@[0-9a-f]{16}$/, '')
}
