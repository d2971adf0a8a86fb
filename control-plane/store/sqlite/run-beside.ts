import { type ChildProcess, type ExecFileException, execFile } from 'node:child_process'

const LINE_MAX = 200

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
  return execFile(process.execPath, args, (error, stdout, stderr) =>
    done(error === null ? null : new Error(shortCause(error, stderr)), stdout.trim()),
  )
}

/** What went wrong in one line: the error of `execFile` begins with the command, which is the whole source. */
function shortCause({ code, signal }: ExecFileException, stderr: string): string {
  const said = stderr.split('\n').find((line) => /^\w*Error\b/.test(line))
  if (said !== undefined) return said.slice(0, LINE_MAX)
  return signal ? `the process was ended by ${signal}` : `the process ended with ${code}`
}
