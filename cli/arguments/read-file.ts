import { createReadStream } from 'node:fs'
import { Fault } from '../../core/fault.ts'

/** The pieces of a file, or of stdin for `-`. Throws `config_invalid` when it cannot be read. */
export async function* readFileOrStdin(file: string): AsyncGenerator<Uint8Array, void> {
  try {
    const stream = file === '-' ? process.stdin : createReadStream(file)
    yield* stream as AsyncIterable<Uint8Array>
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error'
    throw new Fault('config_invalid', `Cannot read ${file}: ${reason}`, { cause: error })
  }
}
