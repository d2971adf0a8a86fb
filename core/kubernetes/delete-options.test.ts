import { describe, expect, test } from 'vitest'
import { asUnsafeDelete, hasDeleteOptions, mayDeleteUnsafely } from './delete-options.ts'
import { parseRequestInfo } from './request-info.ts'

const OPTION = 'ignoreStoreReadErrorWithClusterBreakingPotential'
const VERB = 'unsafe-delete-ignore-read-errors'
const POD = '/api/v1/namespaces/team/pods/a'
const bytes = (text: string) => new TextEncoder().encode(text)
const attributesOf = (method: string, target: string) =>
  parseRequestInfo(method, target, undefined).attributes

describe('mayDeleteUnsafely()', () => {
  test.each([
    ['no options', '{}', false],
    ['other options', '{"propagationPolicy":"Background"}', false],
    ['the option', `{"${OPTION}":true}`, true],
    ['the option after a false one', `{"${OPTION}":false,"${OPTION}":true}`, true],
    [
      'the option by escapes',
      '{"\\u0069gnoreStoreReadErrorWithClusterBreakingPotential":true}',
      true,
    ],
    ['a false option', `{"${OPTION}":false}`, false],
    ['an option that is null', `{"${OPTION}":null}`, false],
    ['an option that is no boolean', `{"${OPTION}":"true"}`, true],
    ['the name as a value', `{"propagationPolicy":"${OPTION}"}`, false],
    ['another escape', '{"propagationPolicy":"\\u0042ackground"}', false],
    ['what is no JSON', `{"${OPTION}"`, true],
    ['a list', `["${OPTION}"]`, true],
    ['nothing', '', false],
  ])('mayDeleteUnsafely() reads %s in JSON', (_name, body, want) => {
    expect(mayDeleteUnsafely('application/json; charset=utf-8', bytes(body))).toBe(want)
    expect(mayDeleteUnsafely(undefined, bytes(body))).toBe(want)
  })

  test.each([
    ['other options', 'propagationPolicy: Background\n', false],
    ['the option', `${OPTION}: true\n`, true],
    ['the name anywhere', `# ${OPTION}\n`, true],
    ['an escape', '"\\x69gnoreStore": true\n', true],
    ['another encoding', '\0i\0g', true],
  ])('mayDeleteUnsafely() looks for the name in YAML: %s', (_name, body, want) => {
    expect(mayDeleteUnsafely('application/yaml', bytes(body))).toBe(want)
  })

  test('mayDeleteUnsafely() takes UTF-16 in YAML for anything', () => {
    const body = Buffer.from(`\ufeff${OPTION}: true`, 'utf16le')
    expect(mayDeleteUnsafely('application/yaml', body)).toBe(true)
  })

  // A runtime.Unknown with raw bytes in field 2.
  const unknown = (raw: readonly number[]) =>
    Uint8Array.from([0x6b, 0x38, 0x73, 0x00, 0x12, raw.length, ...raw])

  test.each([
    ['a grace period', [0x08, 0x05], false],
    ['the option', [0x08, 0x05, 0x30, 0x01], true],
    ['a false option', [0x30, 0x00], true],
    ['what is cut short', [0x30], true],
  ])('mayDeleteUnsafely() reads %s in Protobuf', (_name, raw, want) => {
    expect(mayDeleteUnsafely('application/vnd.kubernetes.protobuf', unknown(raw))).toBe(want)
  })

  test.each(['application/cbor', 'text/plain', 'application/jsonp'])(
    'mayDeleteUnsafely() cannot read %s',
    (contentType) => {
      expect(mayDeleteUnsafely(contentType, bytes('{}'))).toBe(true)
    },
  )
})

test.each([
  ['DELETE', POD, true],
  ['DELETE', `${POD}/status`, false],
  ['DELETE', '/api/v1/namespaces/team/pods', false],
  ['POST', '/api/v1/namespaces/team/pods', false],
  ['DELETE', '/healthz', false],
])('hasDeleteOptions() of %s %s is %s', (method, target, want) => {
  expect(hasDeleteOptions(attributesOf(method, target))).toBe(want)
})

test.each([
  ['DELETE', `${POD}?${OPTION}=true`, [VERB]],
  ['DELETE', `${POD}?${OPTION}`, [VERB]],
  ['DELETE', `${POD}?${OPTION}=false`, []],
  ['DELETE', `${POD}?${OPTION}=false&${OPTION}=true`, []],
  ['DELETE', POD, []],
  ['GET', `${POD}?${OPTION}=true`, []],
])('parseRequestInfo() of %s %s asks besides for %o', (method, target, want) => {
  expect(attributesOf(method, target).alsoVerbs).toEqual(want)
})

test('asUnsafeDelete() asks for the verb once', () => {
  const once = asUnsafeDelete(attributesOf('DELETE', POD))
  expect(asUnsafeDelete(once).alsoVerbs).toEqual([VERB])
})
