import { expect, test } from 'vitest'
import type { Permit } from '../judgement/authorize.ts'
import { revokedAnswer } from './revoked-answer.ts'

const permit = { decisionId: 'd' } as Permit

test.each([
  ['permission_denied', false, 403, 'Forbidden', /no longer does: gone; the request was not sent/],
  ['permission_denied', true, 403, 'Forbidden', /gone; .* look before you try again/],
  ['decision_unavailable', false, 503, 'ServiceUnavailable', /Nobody can tell .* was not sent/],
  ['decision_unavailable', true, 503, 'ServiceUnavailable', /may have been carried out/],
] as const)('revokedAnswer() for %s, sent: %s', (code, sent, httpStatus, reason, says) => {
  const { status, decisionId } = revokedAnswer(permit, { code, message: 'gone' }, sent)
  expect(status).toMatchObject({ code: httpStatus, reason, message: expect.stringMatching(says) })
  expect(status.message).toMatch(/\[decision d\]$/)
  expect(status.details?.retryAfterSeconds).toBeUndefined()
  expect(decisionId).toBe('d')
})
