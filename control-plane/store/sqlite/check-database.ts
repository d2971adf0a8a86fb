import { Worker } from 'node:worker_threads'

/** What is known of whether pages and indexes of a file fit together. */
export interface DatabaseCheck {
  /** When the file was found to be whole, Unix milliseconds; undefined until then. */
  wholeAtMs(): number | undefined
  /** What is wrong with it; undefined when nothing is known to be. */
  problem(): string | undefined
  stop(): Promise<void>
}

interface CheckAnswer {
  readonly problem: string
}

/**
 * Looks beside the traffic, in a thread with a connection of its own: some seconds for each half gigabyte.
 * A check that cannot be made is a problem too: not knowing is no.
 */
export function startDatabaseCheck(path: string, now: () => number): DatabaseCheck {
  let wholeAtMs: number | undefined
  let problem: string | undefined
  if (path === ':memory:') {
    const madeAtMs = now()
    return { wholeAtMs: () => madeAtMs, problem: () => undefined, stop: async () => undefined }
  }
  const worker = new Worker(`(${checkDatabase.toString()})()`, { eval: true, workerData: { path } })
  worker.unref()
  worker.once('message', (answer: CheckAnswer) => {
    if (answer.problem === 'ok') wholeAtMs = now()
    else problem = `the database is damaged: ${answer.problem}`
  })
  worker.once('error', (error) => {
    problem = `the database cannot be checked: ${error.message}`
  })
  return {
    wholeAtMs: () => wholeAtMs,
    problem: () => problem,
    stop: async () => void (await worker.terminate()),
  }
}

/** The thread: its source is sent as text, so nothing outside of it can be named. */
function checkDatabase(): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { path } = workerData as { readonly path: string }
  const database = new DatabaseSync(path, { readOnly: true })
  const row = database.prepare('pragma quick_check(1)').get()
  database.close()
  parentPort?.postMessage({ problem: String(row?.['quick_check']) })
}
