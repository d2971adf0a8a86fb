import type { Caller } from '../judgement/caller.ts'

/** The one place where credentials for the API server come from. */
export interface Credentials {
  /** Headers that say to the API server who asks: names, in lower case, and values in turn. */
  headersFor(caller: Caller): readonly string[]
  /** The API server refused the credential: there may be a newer one. */
  refused(): void
  /** Why there is no credential that can be trusted to work; undefined when there is. */
  problem(): string | undefined
}
