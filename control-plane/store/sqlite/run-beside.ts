import { type ChildProcess, execFile } from 'node:child_process'

/**
 * Runs a function of the path of a database in a process of its own, so that the event loop does not stand for a
 * long one. Never in this process: a second copy of SQLite that closes the file would take away the locks of the
 * first. The source is sent as text, so nothing outside of the function can be named. `done` is told what
 * the function printed, or what went wrong.
 */
export function runBeside(
  work: (path: string) => void,
  path: string,
  done: (error: Error | null, printed: string) => void,
): ChildProcess {
  const source = `(${work.toString()})(${JSON.stringify(path)})`
  const args = ['--disable-warning=ExperimentalWarning', '--eval', source]
  return execFile(process.execPath, args, (error, stdout) => done(error, stdout.trim()))
}
