import { expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AllowedRequests } from './allowed-requests.ts'

const question: Question = {
  attributes: aRequest({}),
  ...{ container: 'app', targetContainer: '', userAgent: '', refusedBecause: '' },
}
const NO_LONGER = { code: 'permission_denied', message: 'no longer' } as const
const other = { ...question, container: 'other' }

test('AllowedRequests cuts a request when its decision is revoked', () => {
  const open = new AllowedRequests()
  const cuts: string[] = []
  open.add('a', question)
  open.onRevoked('a', ({ message }) => cuts.push(message))
  open.revoke('a', NO_LONGER)
  expect(cuts).toEqual(['no longer'])
})

test('AllowedRequests keeps a revocation that comes before its request asks', () => {
  const open = new AllowedRequests()
  const cuts: string[] = []
  open.add('a', question)
  open.revoke('a', NO_LONGER)
  open.onRevoked('a', ({ message }) => cuts.push(message))
  expect(cuts).toEqual(['no longer'])
})

test('AllowedRequests knows nothing of requests that ended or never were', () => {
  const open = new AllowedRequests()
  const cuts: string[] = []
  open.add('a', question)
  open.onRevoked('a', ({ message }) => cuts.push(message))
  open.remove('a')
  open.revoke('a', NO_LONGER)
  open.revoke('b', NO_LONGER)
  open.onRevoked('b', ({ message }) => cuts.push(message))
  expect(cuts).toEqual([])
})

test('AllowedRequests lists what is open with what was asked', () => {
  const open = new AllowedRequests()
  open.add('a', question)
  open.add('b', other)
  open.remove('a')
  expect(open.questions()).toEqual([['b', other]])
})
