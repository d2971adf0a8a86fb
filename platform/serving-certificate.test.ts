import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from './logger.ts'
import { keepRenewing, SERVING_CERTIFICATE_MS } from './serving-certificate.ts'

const THIRD_MS = SERVING_CERTIFICATE_MS / 3
let lines: string[]
const logger = createLogger(
  { name: 'x', level: 'error' },
  { write: (line: string) => void lines.push(line) },
)

beforeEach(() => {
  lines = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

test('keepRenewing() renews after each third of the life, and not before', async () => {
  let renewals = 0
  const stop = keepRenewing(async () => {
    renewals += 1
  }, logger)
  await vi.advanceTimersByTimeAsync(THIRD_MS - 1)
  expect(renewals).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(renewals).toBe(1)
  await vi.advanceTimersByTimeAsync(THIRD_MS)
  expect(renewals).toBe(2)
  stop()
  await vi.advanceTimersByTimeAsync(SERVING_CERTIFICATE_MS)
  expect(renewals).toBe(2)
})

test('keepRenewing() tries again after a minute when it failed, and says why', async () => {
  const outcomes = [new Error('away'), undefined]
  let attempts = 0
  const stop = keepRenewing(async () => {
    const error = outcomes[attempts]
    attempts += 1
    if (error !== undefined) throw error
  }, logger)
  await vi.advanceTimersByTimeAsync(THIRD_MS)
  expect(attempts).toBe(1)
  expect(lines.join('')).toContain('Cannot renew the certificate')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(attempts).toBe(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(attempts).toBe(2)
  stop()
})

test('keepRenewing() does not go on when it is stopped during an attempt', async () => {
  let attempts = 0
  const stop = keepRenewing(async () => {
    attempts += 1
    stop()
  }, logger)
  await vi.advanceTimersByTimeAsync(2 * SERVING_CERTIFICATE_MS)
  expect(attempts).toBe(1)
})
