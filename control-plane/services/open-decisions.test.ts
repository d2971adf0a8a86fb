import { expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding } from '../../test/support/record-builders.ts'
import type { Question } from '../decide.ts'
import { createOpenDecisions } from './open-decisions.ts'

const binding = { ...aBinding([AGENT]), sequence: 1 }
const question: Question = {
  attributes: aRequest({}),
  container: 'app',
  userAgent: '',
  targetContainer: '',
  refusedBecause: '',
}

function someOpenDecisions(stillAllows: () => Promise<boolean>) {
  const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
  const decide = () => Promise.reject(new Error('not asked'))
  return createOpenDecisions({ decide, stillAllows }, logger)
}

test('recheck() revokes what no longer holds, once', async () => {
  const open = someOpenDecisions(() => Promise.resolve(false))
  const revoked: string[] = []
  open.open('a', binding, question, (why) => revoked.push(why))
  open.recheck()
  await vi.waitFor(() => expect(revoked).toHaveLength(1))
  expect(open.size()).toBe(0)
})

test('recheck() revokes what cannot be judged', async () => {
  const open = someOpenDecisions(() => Promise.reject(new Error('the authorizer is away')))
  const revoked: string[] = []
  open.open('a', binding, question, (why) => revoked.push(why))
  open.recheck()
  await vi.waitFor(() => expect(revoked).toHaveLength(1))
})

test('resume() judges again at once', async () => {
  const open = someOpenDecisions(() => Promise.resolve(false))
  const revoked: string[] = []
  open.resume('a', binding, question, (why) => revoked.push(why))
  await vi.waitFor(() => expect(revoked).toHaveLength(1))
})

test('release() leaves alone what another stream has resumed', () => {
  const open = someOpenDecisions(() => Promise.resolve(true))
  const first = () => undefined
  const second = () => undefined
  open.open('a', binding, question, first)
  open.resume('a', binding, question, second)
  open.release('a', first)
  expect(open.size()).toBe(1)
  open.release('a', second)
  expect(open.size()).toBe(0)
})
