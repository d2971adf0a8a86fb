/** A broken invariant of this program. Never bad input: that is a Fault or a Decision. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws `AssertionError` when `condition` is false. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`[unexpected] ${invariant}`)
}
