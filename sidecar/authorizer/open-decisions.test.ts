import { expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { createOpenDecisions } from './open-decisions.ts'

const question: Question = {
  attributes: aRequest({}),
  ...{ container: 'app', targetContainer: '', userAgent: '', refusedBecause: '' },
}
const other = { ...question, container: 'other' }

test('createOpenDecisions() cuts a request when its decision is revoked', () => {
  const open = createOpenDecisions()
  const cuts: string[] = []
  open.add('a', question)
  open.onRevoked('a', (why) => cuts.push(why))
  open.revoke('a', 'no longer')
  expect(cuts).toEqual(['no longer'])
})

test('createOpenDecisions() keeps a revocation that comes before its request asks', () => {
  const open = createOpenDecisions()
  const cuts: string[] = []
  open.add('a', question)
  open.revoke('a', 'no longer')
  open.onRevoked('a', (why) => cuts.push(why))
  expect(cuts).toEqual(['no longer'])
})

test('createOpenDecisions() knows nothing of requests that ended or never were', () => {
  const open = createOpenDecisions()
  const cuts: string[] = []
  open.add('a', question)
  open.onRevoked('a', (why) => cuts.push(why))
  open.remove('a')
  open.revoke('a', 'x')
  open.revoke('b', 'x')
  open.onRevoked('b', (why) => cuts.push(why))
  expect(cuts).toEqual([])
})

test('createOpenDecisions() lists what is open with what was asked', () => {
  const open = createOpenDecisions()
  open.add('a', question)
  open.add('b', other)
  open.remove('a')
  const seen: unknown[] = []
  open.forEach((decisionId, asked) => {
    seen.push([decisionId, asked])
  })
  expect(seen).toEqual([['b', other]])
})
