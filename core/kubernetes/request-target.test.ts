import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  PATH_BYTES_MAX,
  parseRequestTarget,
  printRequestTarget,
  TARGET_BYTES_MAX,
} from './request-target.ts'

describe('parseRequestTarget()', () => {
  test.each([
    ['/', [], false, []],
    ['/api/v1/pods', ['api', 'v1', 'pods'], false, []],
    ['/version/', ['version'], true, []],
    [
      '/a?x=1&y=%20z+w&&k',
      ['a'],
      false,
      [
        ['x', '1'],
        ['y', ' z w'],
        ['k', ''],
      ],
    ],
    ['/a/system:admin', ['a', 'system:admin'], false, []],
    ['/a/system%3Aadmin', ['a', 'system:admin'], false, []],
    ['/a?match[]=x', ['a'], false, [['match[]', 'x']]],
    ['/a?fieldSelector=metadata.name=db', ['a'], false, [['fieldSelector', 'metadata.name=db']]],
  ])('splits %s', (raw, segments, trailingSlash, query) => {
    expect(parseRequestTarget(raw)).toEqual({ segments, trailingSlash, query })
  })

  test.each([
    ['no slash', 'api'],
    ['an empty target', ''],
    ['an absolute form', 'http://evil/api/v1/pods'],
    ['an asterisk', '*'],
    ['a double slash at the front', '//evil/api'],
    ['a double slash inside', '/api//v1'],
    ['a double slash at the end', '/api/v1/pods//'],
    ['a dot segment', '/api/./v1'],
    ['a parent segment', '/api/../v1'],
    ['an encoded parent segment', '/api/%2e%2e/v1'],
    ['an encoded slash', '/api/v1/pods/p%2Fexec'],
    ['an encoded slash in lower case', '/api/v1/pods/p%2fexec'],
    ['an encoded backslash', '/api/v1/pods/p%5Cexec'],
    ['a backslash', '/api/v1\\pods'],
    ['a NUL', '/api/v1/pods/p%00'],
    ['a line feed', '/api/v1/pods/p%0a'],
    ['an encoded letter', '/api/v1/%73ecrets'],
    ['an encoded percent', '/api/v1/pods/p%252Fexec'],
    ['a fragment', '/api/v1/pods#x'],
    ['bytes that are not UTF-8', '/api/v1/pods/%ff'],
    ['a broken escape in the path', '/api/v1/pods/%zz'],
    ['a broken escape in the query', '/a?command=%zz'],
    ['a semicolon in the query', '/a?watch=1;x=1'],
    ['a key that begins with a question mark', '/a??command=sh'],
    ['a pair without a key', '/a?=x'],
    ['a space', '/a b'],
    ['a target that is too long', `/a?b=${'a'.repeat(TARGET_BYTES_MAX)}`],
    ['a path that is too long', `/${'a'.repeat(PATH_BYTES_MAX)}`],
  ])('refuses %s', (_name, raw) => {
    expect(() => parseRequestTarget(raw)).toThrow(
      expect.objectContaining({ code: 'request_invalid' }),
    )
  })

  test('takes a target and a path of just the longest', () => {
    const path = `/${'a'.repeat(PATH_BYTES_MAX - 1)}`
    const raw = `${path}?b=${'c'.repeat(TARGET_BYTES_MAX - path.length - 3)}`
    expect(printRequestTarget(parseRequestTarget(raw))).toBe(raw)
  })

  test('printRequestTarget() writes what parseRequestTarget() reads back', () => {
    const segment = fc.stringMatching(/^[a-zA-Z0-9:@ ~é-]{1,12}$/).filter((text) => text !== '.')
    const pair = fc.tuple(
      fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,8}$/),
      fc.string({ unit: 'grapheme' }),
    )
    const target = fc.record({
      segments: fc.array(segment, { minLength: 1, maxLength: 6 }),
      trailingSlash: fc.boolean(),
      query: fc.array(pair, { maxLength: 4 }),
    })
    fc.assert(
      fc.property(target, (wanted) => {
        expect(parseRequestTarget(printRequestTarget(wanted))).toEqual(wanted)
      }),
      { numRuns: 2_000 },
    )
  })
})
