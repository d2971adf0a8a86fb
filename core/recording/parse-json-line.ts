import { Fault } from '../fault.ts'

/** The JSON of one line. Throws `request_invalid` with `want`; what JSON.parse says quotes the file. */
export function parseJsonLine(line: string, want: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    // Converted.
    throw new Fault('request_invalid', `the line is not JSON: ${want}`)
  }
}
