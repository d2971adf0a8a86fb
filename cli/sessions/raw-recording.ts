import { Fault } from '../../core/fault.ts'

/** The API writes an event of at most 256 KiB as a line, in base64. */
const LINE_MAX = 4 * 1_024 * 1_024

/**
 * The bytes of output and error output, as the session's caller got them, of a recording in the form
 * `events`. Throws `upstream_failed` for what is not of that form.
 */
export async function* rawOutput(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_MAX) throw unreadable()
    for (const line of lines) yield bytesOf(line)
  }
  if (rest !== '') throw unreadable()
}

function bytesOf(line: string): Buffer {
  const { kind, bytes } = parseLine(line)
  const isOutput = kind === 'output' || kind === 'error_output'
  if (!isOutput) return Buffer.alloc(0)
  if (typeof bytes !== 'string') throw unreadable()
  return Buffer.from(bytes, 'base64')
}

function parseLine(line: string): { readonly kind?: unknown; readonly bytes?: unknown } {
  try {
    return JSON.parse(line) as object
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause?: unknown): Fault {
  return new Fault('upstream_failed', 'The API sent something that is no recording: try again', {
    cause,
  })
}
