/** Writes one line for a person who waits. */
export type Log = (line: string) => void

const TICK_MS = 5_000

/** A line when it begins, one every five seconds, and one with the time it took. */
export async function withProgress<Result>(
  log: Log,
  title: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const began = Date.now()
  log(`${title} ...`)
  const result = await withTicks(log, title, work)
  log(`${title}: ${secondsSince(began)}`)
  return result
}

/** Only the line every five seconds, for work whose beginning and end are told elsewhere. */
export async function withTicks<Result>(
  log: Log,
  title: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const began = Date.now()
  const timer = setInterval(() => log(`${title} ... ${secondsSince(began)}`), TICK_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

function secondsSince(began: number): string {
  return `${((Date.now() - began) / 1_000).toFixed(1)} s`
}
