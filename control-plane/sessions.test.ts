import { expect, test } from 'vitest'
import { AGENT, aBinding } from '../test/support/record-builders.ts'
import { createSessions, SESSION_MS_MAX } from './sessions.ts'

const binding = { ...aBinding([AGENT]), sequence: 1 }
const unverified = expect.objectContaining({ code: 'identity_unverified' })

function someSessions() {
  const clock = { nowMs: 1_000 }
  return { clock, sessions: createSessions(() => clock.nowMs) }
}

test('open() gives a secret that finds the pod until it is over', () => {
  const { clock, sessions } = someSessions()
  const { secret, expiresAtMs } = sessions.open(binding, 2_000)
  expect(expiresAtMs).toBe(3_000)
  expect(sessions.find(secret).binding).toBe(binding)
  clock.nowMs = 3_000
  expect(() => sessions.find(secret)).toThrow(unverified)
})

test('open() never gives more than five minutes', () => {
  const { sessions } = someSessions()
  expect(sessions.open(binding, 3_600_000).expiresAtMs).toBe(1_000 + SESSION_MS_MAX)
  expect(SESSION_MS_MAX).toBe(300_000)
})

test('open() never gives the same secret twice', () => {
  const { sessions } = someSessions()
  const secrets = Array.from({ length: 100 }, () => sessions.open(binding, 1_000).secret)
  expect(new Set(secrets).size).toBe(100)
  expect(Math.min(...secrets.map(({ length }) => length))).toBeGreaterThanOrEqual(43)
})

test.each(['', 'unknown', '__proto__', 'constructor'])('find() knows no %j', (secret) => {
  expect(() => someSessions().sessions.find(secret)).toThrow(unverified)
})
