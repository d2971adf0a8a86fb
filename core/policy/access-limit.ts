import type { AccessPolicy, Subject } from './access-policy.ts'

/**
 * What stands over the policies and RBAC, and only takes away. An AccessCeiling has to allow each request of a chain
 * besides; a NarrowingPolicy refuses requests to its own namespace, or adds what must be done to them.
 */
export interface AccessLimit {
  readonly kind: 'AccessCeiling' | 'NarrowingPolicy'
  readonly name: string
  /** Of a NarrowingPolicy; empty for an AccessCeiling. */
  readonly namespace: string
  /** Whom it holds for; absent: for everybody. */
  readonly subjects?: readonly Subject[]
  readonly rules: AccessPolicy['rules']
}

/** A limit that cannot be used: until it is mended, nothing passes that it could stand over. */
export type InvalidLimit = Omit<AccessLimit, 'rules'> & {
  /** One sentence a problem, each beginning with the path of the field. */
  readonly problems: readonly string[]
}

/** What became of an object that stands over policies. */
export type ParsedLimit =
  | { readonly ok: true; readonly limit: AccessLimit }
  | { readonly ok: false; readonly invalid: InvalidLimit }

/** The limit that was written, whether it can be used or not. */
export function limitOf(parsed: ParsedLimit): Omit<AccessLimit, 'rules'> {
  return parsed.ok ? parsed.limit : parsed.invalid
}

/** `AccessCeiling base`, `NarrowingPolicy team/quiet`: as refusals and records name it. */
export function limitTitle({ kind, namespace, name }: Omit<AccessLimit, 'rules'>): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`
}
