import { join } from 'node:path'
import { z } from 'zod'

/** What wrk measured in one run. */
export interface WrkResult {
  /** Microseconds. */
  readonly p50Us: number
  readonly p99Us: number
  readonly requests: number
  readonly durationUs: number
  /** Connections, reads and writes that failed, timeouts, and answers that were not 2xx or 3xx. */
  readonly failures: number
}

const count = z.number().int().nonnegative()
const result = z.strictObject({
  p50Us: count,
  p99Us: count,
  requests: count,
  durationUs: count.positive(),
  failures: count,
})

/** The command line of one run: one thread, keep-alive, TLS as the URL says. */
export function wrkCommand(url: string, connections: number, seconds: number): readonly string[] {
  const script = join(import.meta.dirname, 'wrk.lua')
  const load = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s']
  return ['wrk', ...load, '--latency', '-s', script, url]
}

/** Reads the line that `wrk.lua` prints. Throws when there is none, or when a request failed. */
export function parseWrkOutput(output: string): WrkResult {
  const line = /^RESULT (.*)$/m.exec(output)?.[1]
  if (line === undefined) throw new Error(`wrk printed no result:\n${output}`)
  const parsed = result.parse(JSON.parse(line))
  if (parsed.requests === 0) throw new Error('None of the requests of wrk was answered in its time')
  if (parsed.failures > 0) {
    throw new Error(`${parsed.failures} of ${parsed.requests} requests of wrk failed:\n${output}`)
  }
  return parsed
}
