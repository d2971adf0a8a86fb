import { createHash } from 'node:crypto'

/** A prime, so that no piece of a stream looks like the one before. */
const PERIOD_BYTES = 65_521
const periods = new Map<string, Buffer>()

/** Bytes `at` and after of the endless output of a pod: a process of its own can say what they must be. */
export function poured(pod: string, at: number, length: number): Buffer {
  const period = periods.get(pod) ?? makePeriod(pod)
  periods.set(pod, period)
  const begin = at % PERIOD_BYTES
  const turns = Math.ceil((begin + length) / PERIOD_BYTES)
  return Buffer.concat(Array<Buffer>(turns).fill(period)).subarray(begin, begin + length)
}

function makePeriod(pod: string): Buffer {
  const blocks = Array.from({ length: Math.ceil(PERIOD_BYTES / 32) }, (_, index) =>
    createHash('sha256').update(`${pod} ${index}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, PERIOD_BYTES)
}
