import type { Terminal } from './terminal.ts'

/** A line now and then, on stderr, so that a long search does not look like one that hangs. */
const FIRST_MS = 2_000
const NEXT_MS = 5_000

/** Says how much was looked at, once it takes long; `count` is added to what was said before. */
export function createProgress(terminal: Terminal, now = () => performance.now()) {
  let sum = 0
  let dueAt = now() + FIRST_MS
  return function progress(count: number): void {
    sum += count
    if (now() < dueAt) return
    dueAt = now() + NEXT_MS
    terminal.err(`Looked at ${sum.toLocaleString('en')} decisions …\n`)
  }
}
