/** Writes one line for a person who waits. */
export type Log = (line: string) => void

/** A line when it begins, one every five seconds, and one with the time it took. */
export async function withProgress<Result>(
  log: Log,
  title: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const began = Date.now()
  const seconds = () => `${((Date.now() - began) / 1_000).toFixed(1)} s`
  log(`${title} ...`)
  const timer = setInterval(() => log(`${title} ... ${seconds()}`), 5_000)
  try {
    const result = await work()
    log(`${title}: ${seconds()}`)
    return result
  } finally {
    clearInterval(timer)
  }
}
