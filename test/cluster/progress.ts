/** Writes one line for a person who waits. */
export type Log = (line: string) => void

/** Sets what the next lines say of how far the work is. */
export type Report = (state: string) => void

/** A person who looks on wants to see that something moves; a file that is read later does not. */
const TERMINAL_TICK_MS = 5_000
const FILE_TICK_MS = 30_000

/** A line when it begins, one now and then, and one with the time it took. */
export async function withProgress<Result>(
  log: Log,
  title: string,
  work: (report: Report) => Promise<Result>,
): Promise<Result> {
  const began = Date.now()
  log(`${title} ...`)
  const result = await withTicks(log, title, work)
  log(`${title}: ${secondsSince(began)}`)
  return result
}

/**
 * Only the lines between: every five seconds on a terminal, every half minute elsewhere. For work whose
 * beginning and end are told elsewhere.
 */
export async function withTicks<Result>(
  log: Log,
  title: string,
  work: (report: Report) => Promise<Result>,
  isTerminal = process.stderr.isTTY === true,
): Promise<Result> {
  const began = Date.now()
  let state = ''
  const timer = setInterval(
    () => log(`${title} ... ${secondsSince(began)}${state === '' ? '' : `, ${state}`}`),
    isTerminal ? TERMINAL_TICK_MS : FILE_TICK_MS,
  )
  try {
    return await work((text) => {
      state = text
    })
  } finally {
    clearInterval(timer)
  }
}

function secondsSince(began: number): string {
  return `${((Date.now() - began) / 1_000).toFixed(1)} s`
}
