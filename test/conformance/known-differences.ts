/** A spec that passes directly and is known to fail through the sidecar. */
export interface KnownDifference {
  /** Its whole name, as the suite prints it. */
  readonly spec: string
  /** Why no policy can let it pass, in a sentence for docs/compatibility.md. */
  readonly reason: string
}

/** Every difference that is meant. docs/compatibility.md shows the same; a test compares the two. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = []
