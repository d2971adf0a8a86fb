import { expect, test } from 'vitest'
import { checkHeaders } from './check-headers.ts'
import { HEADER_RULES } from './header-rules.ts'

test.each([
  ['nothing', []],
  ['the usual ones', ['Host', 'x', 'Accept', 'a', 'Accept', 'b', 'Connection', 'close']],
  ['one value twice', ['Content-Type', 'a/b', 'content-type', 'a/b', 'Expect', 'x', 'Expect', 'x']],
  [
    'an upgrade',
    ['Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'x'],
  ],
  ['a header of the connection', ['Connection', 'X-Hop', 'X-Hop', 'a']],
  ['bytes of UTF-8', ['X-Name', 'caf\u00c3\u00a9']],
  ['two hundred', Array(200).fill(['X-Trace', '1']).flat()],
])('checkHeaders() takes %s', (_name, rawHeaders) => {
  expect(() => checkHeaders(rawHeaders)).not.toThrow()
})

test.each([
  ['two values', ['Content-Type', 'a/b', 'content-type', 'c/d'], 'stands twice'],
  ['two credentials', ['Authorization', 'Bearer a', 'Authorization', 'Bearer b'], 'stands twice'],
  ['two hosts', ['Host', 'a', 'Host', 'a'], 'stands twice'],
  ['two lengths', ['Content-Length', '1', 'Content-Length', '1'], 'stands twice'],
  ['a hidden header', ['Connection', 'close, If-Match', 'If-Match', 'x'], '"if-match"'],
  ['a hidden identity', ['connection', 'Impersonate-User', 'Impersonate-User', 'x'], 'Connection'],
  ['an identity', ['X-Remote-User', 'root'], 'only the aggregator'],
  ['an identity with underscores', ['X_Remote_Group', 'system:masters'], 'only the aggregator'],
  ['another method', ['X-HTTP-Method-Override', 'DELETE'], 'send that method'],
  ['another path', ['X-Original-URL', '/api/v1/secrets'], 'send that path'],
  ['a delete character', ['X-A', '\u007f'], 'control character'],
])('checkHeaders() refuses %s', (_name, rawHeaders, message) => {
  expect(() => checkHeaders(rawHeaders)).toThrow(
    expect.objectContaining({
      code: 'request_invalid',
      message: expect.stringContaining(message),
    }),
  )
})

test.each(HEADER_RULES.filter(({ use }) => use === 'refused'))(
  'checkHeaders() refuses $name, and says what to do',
  ({ name, why }) => {
    expect(why).toContain('; send ')
    expect(() => checkHeaders([name.replace('*', 'x'), 'v'])).toThrow(why)
  },
)
