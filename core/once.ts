/** Calls `make` at the first call alone, and gives what it made to every one; a failure is kept too. */
export function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => {
    made ??= make()
    return made
  }
}
