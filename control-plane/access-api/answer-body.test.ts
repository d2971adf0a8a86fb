import { describe, expect, test } from 'vitest'
import { parseApprove, parseCancel, parseDeny, parseQueryReason } from './answer-body.ts'

const DIGEST = 'ab'.repeat(32)
const BODY = { digest: DIGEST, scope: 'request' }

describe('parseApprove()', () => {
  const parse = (value: unknown) => parseApprove(JSON.stringify(value))

  test('reads what an approver sends', () => {
    expect(parse(BODY)).toEqual({ digest: DIGEST, scope: 'request', reason: '' })
    const typed = { apiVersion: 'access.lanyard.dev/v1alpha1', kind: 'Approval', ...BODY }
    expect(parse({ ...typed, reason: 'x'.repeat(1_024) })).toMatchObject({ scope: 'request' })
  })

  test.each([
    ['nothing', {}, /digest, scope/],
    ['no scope', { digest: DIGEST }, /scope/],
    ['another scope', { ...BODY, scope: '*' }, /scope/],
    ['a list of scopes', { ...BODY, scope: ['request'] }, /scope/],
    ['no digest', { scope: 'request' }, /digest/],
    ['the beginning of a digest', { ...BODY, digest: DIGEST.slice(0, 12) }, /digest/],
    ['a digest in capitals', { ...BODY, digest: DIGEST.toUpperCase() }, /digest/],
    ['a digest with a line end', { ...BODY, digest: `${DIGEST}\n` }, /digest/],
    ['a reason that is no text', { ...BODY, reason: 1 }, /reason/],
    ['a reason that is too long', { ...BODY, reason: 'x'.repeat(1_025) }, /reason/],
    ['the name of another approver', { ...BODY, by: 'bob' }, /by/],
    ['a list', [BODY], /the body/],
    ['null', null, /the body/],
  ])('refuses %s', (_what, value, problem) => {
    expect(() => parse(value)).toThrow(problem)
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'request_invalid' }))
  })

  test.each([
    ['nothing at all', ''],
    ['no JSON', 'yes'],
    ['half of it', '{"digest":'],
    ['a key twice', `{"digest":"${DIGEST}","scope":"request","scope":"rule"}`],
  ])('refuses %s', (_what, text) => {
    expect(() => parseApprove(text)).toThrow(expect.objectContaining({ code: 'request_invalid' }))
  })
})

test('parseDeny() takes no scope, and wants a digest', () => {
  expect(parseDeny(JSON.stringify({ digest: DIGEST, reason: 'no' }))).toEqual({
    ...{ digest: DIGEST, reason: 'no' },
  })
  expect(() => parseDeny(JSON.stringify(BODY))).toThrow(/scope/)
  expect(() => parseDeny('{}')).toThrow(/digest/)
})

test('parseCancel() takes nothing, or a reason', () => {
  expect([parseCancel(''), parseCancel('{}'), parseCancel('{"reason":"x"}')]).toEqual(['', '', 'x'])
  expect(() => parseCancel('{"digest":"x"}')).toThrow(/digest/)
})

test('parseQueryReason() takes one reason of its length', () => {
  expect(parseQueryReason([])).toBe('')
  expect(parseQueryReason([['reason', 'done']])).toBe('done')
  const long = [['reason', 'x'.repeat(1_025)]] as const
  expect(() => parseQueryReason(long)).toThrow(/at most 1024/)
  const twice = [
    ['reason', 'a'],
    ['reason', 'b'],
  ] as const
  expect(() => parseQueryReason(twice)).toThrow(/Only one/)
})
