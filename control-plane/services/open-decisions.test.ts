import { expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding } from '../../test/support/record-builders.ts'
import { createOpenDecisions, type OpenDecision } from './open-decisions.ts'

const binding = { ...aBinding([AGENT]), sequence: 1 }

function anOpenDecision(change: Partial<OpenDecision> = {}): OpenDecision & { revoked: string[] } {
  const revoked: string[] = []
  const question = {
    attributes: aRequest({}),
    container: 'app',
    userAgent: '',
    targetContainer: '',
    refusedBecause: '',
  }
  const revoke = (why: string) => void revoked.push(why)
  return { decisionId: 'a', binding, question, revoke, revoked, ...change }
}

function someOpenDecisions(stillAllows: () => Promise<boolean>) {
  const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
  const decide = () => Promise.reject(new Error('not asked'))
  return createOpenDecisions({ decide, stillAllows }, logger)
}

test('recheck() revokes what no longer holds, once', async () => {
  const open = someOpenDecisions(() => Promise.resolve(false))
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  open.recheck()
  open.recheck()
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
  expect(open.size()).toBe(0)
})

test('recheck() revokes what cannot be judged', async () => {
  const open = someOpenDecisions(() => Promise.reject(new Error('the authorizer is away')))
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  open.recheck()
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('open() judges again what was decided before a change', async () => {
  const open = someOpenDecisions(() => Promise.resolve(false))
  const decision = anOpenDecision()
  const changes = open.changes()
  open.recheck()
  open.open(decision, changes)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('resume() judges again at once', async () => {
  const open = someOpenDecisions(() => Promise.resolve(false))
  const decision = anOpenDecision()
  open.resume(decision)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('release() leaves alone what another stream has resumed', () => {
  const open = someOpenDecisions(() => Promise.resolve(true))
  const [first, second] = [anOpenDecision(), anOpenDecision()]
  open.open(first, open.changes())
  open.resume(second)
  open.release(first)
  expect(open.size()).toBe(1)
  open.release(second)
  expect(open.size()).toBe(0)
})

test('close() and resume() reach nothing of another pod', () => {
  const open = someOpenDecisions(() => Promise.resolve(true))
  const other = { ...binding, podUid: 'another-pod' }
  open.open(anOpenDecision(), open.changes())
  open.close(other.podUid, 'a')
  open.resume(anOpenDecision({ binding: other }))
  open.close(other.podUid, 'a')
  expect(open.size()).toBe(1)
})
