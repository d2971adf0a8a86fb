import { expect, test } from 'vitest'
import { malformedAnswer } from './malformed-answer.ts'

test.each([
  ['late', 408, 'Timeout', /in time/],
  ['malformed', 400, 'BadRequest', /HTTP\/1\.1/],
  ['head too long', 400, 'BadRequest', /\d{7} bytes/],
] as const)('malformedAnswer() to %s', (problem, code, reason, says) => {
  expect(malformedAnswer(problem)).toEqual({
    status: expect.objectContaining({ code, reason, message: expect.stringMatching(says) }),
    decisionId: '',
  })
})
