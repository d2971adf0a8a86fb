import { once } from 'node:events'
import { runBeside } from './run-beside.ts'

/** What is known of whether pages and indexes of a file fit together. */
export interface DatabaseCheck {
  /** When the file was found to be whole, Unix milliseconds; undefined until then. */
  wholeAtMs(): number | undefined
  /** What is wrong with it; undefined when nothing is known to be. */
  problem(): string | undefined
  stop(): Promise<void>
}

/**
 * Looks beside the traffic, in a process of its own: some seconds for each half gigabyte.
 * A check that cannot be made is a problem too: not knowing is no.
 */
export function startDatabaseCheck(path: string, now: () => number): DatabaseCheck {
  let wholeAtMs: number | undefined
  let problem: string | undefined
  if (path === ':memory:') {
    const madeAtMs = now()
    return { wholeAtMs: () => madeAtMs, problem: () => undefined, stop: async () => undefined }
  }
  const child = runBeside(checkDatabase, path, (error, printed) => {
    if (stopped) return
    if (error !== null) problem = `the database cannot be checked: ${error.message}`
    else if (printed === 'ok') wholeAtMs = now()
    else problem = `the database is damaged: ${printed}`
  })
  let stopped = false
  return {
    wholeAtMs: () => wholeAtMs,
    problem: () => problem,
    async stop() {
      stopped = true
      if (child.exitCode === null && child.kill()) await once(child, 'exit')
    },
  }
}

/** Prints what SQLite finds: `ok`, or the first fault. */
function checkDatabase(path: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const database = new DatabaseSync(path, { readOnly: true })
  const row = database.prepare('pragma quick_check(1)').get()
  database.close()
  process.stdout.write(String(row?.['quick_check']))
}
