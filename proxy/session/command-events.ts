import type { RecordingLevel } from '../../core/recording/session-event.ts'
import { parseExitCode } from './exit-code.ts'
import type { FileWatch } from './file-watch.ts'
import type { Observation } from './observation.ts'
import { ResizeReader } from './resize-reader.ts'

export interface CommandEventsOptions {
  readonly level: RecordingLevel
  /** Whether the error channel carries a `Status`; text otherwise. */
  readonly endsWithStatus: boolean
  /** Looks at the files that a `tar` reads or writes; undefined for another command. */
  readonly files: FileWatch | undefined
  readonly emit: (event: Observation) => void
}

/** A `Status` of the error channel has some hundred bytes. What is longer is cut. */
const ERROR_BYTES_MAX = 16 * 1024

/** What the streams of an exec or attach say, whatever carried them, as events of a session. */
export class CommandEvents {
  readonly #options: CommandEventsOptions
  readonly #resizes: ResizeReader
  readonly #error: Buffer[] = []
  #errorBytes = 0
  #hasExited = false

  constructor(options: CommandEventsOptions) {
    this.#options = options
    this.#resizes = new ResizeReader((columns, rows) =>
      options.emit({ kind: 'resize', columns, rows }),
    )
  }

  /** Whether the API server has begun to say how the command ended. */
  get hasEnding(): boolean {
    return this.#errorBytes > 0
  }

  output(bytes: Buffer): void {
    this.#options.emit({ kind: 'output', bytes })
    this.#options.files?.fromPod(bytes)
  }

  errorOutput(bytes: Buffer): void {
    this.#options.emit({ kind: 'error_output', bytes })
  }

  input(bytes: Buffer): void {
    if (this.#options.level === 'all') this.#options.emit({ kind: 'input', bytes })
    this.#options.files?.toPod(bytes)
  }

  resize(bytes: Buffer): void {
    this.#resizes.push(bytes)
  }

  error(bytes: Buffer): void {
    const room = ERROR_BYTES_MAX - this.#errorBytes
    this.#error.push(Buffer.from(bytes.subarray(0, Math.max(0, room))))
    this.#errorBytes += bytes.length
  }

  /** The API server has said how the command ended, if anything. */
  errorEnded(): void {
    if (this.#hasExited || this.#errorBytes === 0) return
    this.#hasExited = true
    const said = Buffer.concat(this.#error).toString('utf8')
    const code = this.#options.endsWithStatus ? parseExitCode(said) : undefined
    this.#options.emit({ kind: 'exit', status: said, ...(code === undefined ? {} : { code }) })
  }

  /** The session is over. */
  finish(): void {
    this.errorEnded()
    this.#options.files?.finish()
  }
}
