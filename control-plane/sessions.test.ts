import { expect, test } from 'vitest'
import { AGENT, anEnrolledBinding } from '../test/support/record-builders.ts'
import { createSessions, SESSION_MS_MAX } from './sessions.ts'

const binding = anEnrolledBinding([AGENT], 1)
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

test('open() forgets what is over, so that as many are kept as there are sidecars', () => {
  const { clock, sessions } = someSessions()
  const sidecars = 1_000
  let most = 0
  // Ten lifetimes, in which each sidecar enrols once a lifetime.
  for (let opened = 0; opened < 10 * sidecars; opened += 1) {
    sessions.open(binding, SESSION_MS_MAX)
    clock.nowMs += SESSION_MS_MAX / sidecars
    most = Math.max(most, sessions.size())
  }
  expect(most).toBeLessThan(1.5 * sidecars)
})

test('open() forgets what is over behind what is not', () => {
  const { clock, sessions } = someSessions()
  const long = sessions.open(binding, SESSION_MS_MAX)
  for (let opened = 0; opened < 100; opened += 1) sessions.open(binding, 10)
  clock.nowMs += 10
  for (let opened = 0; opened < 50; opened += 1) sessions.open(binding, SESSION_MS_MAX)
  expect(sessions.size()).toBe(51)
  expect(sessions.find(long.secret).binding).toBe(binding)
})

test.each(['', 'unknown', '__proto__', 'constructor'])('find() knows no %j', (secret) => {
  expect(() => someSessions().sessions.find(secret)).toThrow(unverified)
})
