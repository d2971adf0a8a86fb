/** A broken invariant of this program. Never bad input: that is a Fault or a Decision. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws `AssertionError` when `condition` is false. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`[unexpected] ${invariant}`)
}

/** Marks a branch that the types exclude, so that a new case breaks the build here. */
export function unreachable(_: never): never {
  throw new AssertionError('[unexpected] a branch the types exclude was reached')
}
