import type { PathState } from './path-rules.ts'

/** What was noted about the object or list in which a value stands; gone with its end. */
export interface Notes {
  /** Its name, where a rule had it noted. */
  name?: string
}

/** Decides what stands in the place of values. */
export interface ValueRewriter<Rule> {
  /** The text to put in the place of a string; undefined keeps its bytes as they are. */
  rewrite(text: string, rules: readonly Rule[], notes: Notes): string | undefined
  /** The text for a string that is too long to be looked at. */
  instead(rules: readonly Rule[]): string
  /** Whether a number, true or false becomes null. */
  hides(rules: readonly Rule[]): boolean
}

export interface JsonRewriterOptions<Rule> {
  /** Where values are rewritten; undefined is nowhere. */
  readonly places: PathState<Rule> | undefined
  readonly values: ValueRewriter<Rule>
  /** Longest string that is looked at, in bytes as it is written. */
  readonly stringBytesMax: number
}

/** What may come next in a JSON text. */
export type Expected =
  | 'value'
  | 'value or ]'
  | 'key'
  | 'key or }'
  | 'colon'
  | 'comma or end'
  | 'string'
  | 'word'

/** An object or list that has not ended. */
export interface OpenValue<Rule> {
  readonly isList: boolean
  /** Undefined where nothing can match below. */
  readonly place: PathState<Rule> | undefined
  /** Of the value that is read. */
  inside: PathState<Rule> | undefined
  index: number
  notes: Notes | undefined
}

/** What is read of a string or word, where it is more than passed on. */
export interface Capture<Rule> {
  readonly purpose: 'key' | 'string' | 'word'
  readonly rules: readonly Rule[]
  /** Where it begins, or goes on, in the chunk that is read. */
  start: number
  /** Of chunks before that one. */
  parts: Uint8Array[]
  bytes: number
}
