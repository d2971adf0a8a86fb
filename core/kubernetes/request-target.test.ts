import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodedPath,
  PATH_BYTES_MAX,
  parseRequestTarget,
  printRequestTarget,
  QUERY_PAIRS_MAX,
  TARGET_BYTES_MAX,
} from './request-target.ts'

describe('parseRequestTarget()', () => {
  test.each([
    ['/', [], '', []],
    ['/api/v1/pods', ['api', 'v1', 'pods'], '', []],
    ['/version/', ['version'], '/', []],
    ['/api/v1/pods//', ['api', 'v1', 'pods'], '//', []],
    [
      '/a?x=1&y=%20z+w&&k',
      ['a'],
      '',
      [
        ['x', '1'],
        ['y', ' z w'],
        ['k', ''],
      ],
    ],
    ['/a/system:admin', ['a', 'system:admin'], '', []],
    ['/a/system%3Aadmin', ['a', 'system:admin'], '', []],
    ['/%61pi/v1/%73ecrets/a%2Db%5F%7e', ['api', 'v1', 'secrets', 'a-b_~'], '', []],
    ['https://kubernetes.default.svc:443/api/v1', ['api', 'v1'], '', []],
    ['HTTP://[::1]:6443/', [], '', []],
    ['/a?match[]=x', ['a'], '', [['match[]', 'x']]],
    [
      '/a?_=17&1=2&=x&?k',
      ['a'],
      '',
      [
        ['_', '17'],
        ['1', '2'],
        ['', 'x'],
        ['?k', ''],
      ],
    ],
    ['/a?fieldSelector=metadata.name=db', ['a'], '', [['fieldSelector', 'metadata.name=db']]],
  ])('splits %s', (raw, segments, rest, query) => {
    expect(parseRequestTarget(raw)).toEqual({ segments, rest, query })
  })

  test.each([
    ['no slash', 'api'],
    ['an empty target', ''],
    ['an absolute form with a double slash', 'http://h//api/v1/pods'],
    ['an absolute form with a user', 'http://a@h/api/v1/pods'],
    ['an absolute form without a path', 'http://h'],
    ['an absolute form inside another', 'http://h/http://h/api'],
    ['another scheme', 'ftp://h/api/v1/pods'],
    ['an encoded escape of a letter', '/api/v1/%2573ecrets'],
    ['an encoded dot segment', '/api/v1/%2E'],
    ['an asterisk', '*'],
    ['a double slash at the front', '//evil/api'],
    ['a double slash inside', '/api//v1'],
    ['a dot segment', '/api/./v1'],
    ['a parent segment', '/api/../v1'],
    ['an encoded parent segment', '/api/%2e%2e/v1'],
    ['an encoded slash', '/api/v1/pods/p%2Fexec'],
    ['an encoded slash in lower case', '/api/v1/pods/p%2fexec'],
    ['an encoded backslash', '/api/v1/pods/p%5Cexec'],
    ['a backslash', '/api/v1\\pods'],
    ['a NUL', '/api/v1/pods/p%00'],
    ['a line feed', '/api/v1/pods/p%0a'],
    ['an encoded percent', '/api/v1/pods/p%252Fexec'],
    ['a fragment', '/api/v1/pods#x'],
    ['bytes that are not UTF-8', '/api/v1/pods/%ff'],
    ['a broken escape in the path', '/api/v1/pods/%zz'],
    ['a broken escape in the query', '/a?command=%zz'],
    ['a semicolon in the query', '/a?watch=1;x=1'],
    ['a query that is not UTF-8', '/a?b=%ff'],
    ['a space', '/a b'],
    ['a target that is too long', `/a?b=${'a'.repeat(TARGET_BYTES_MAX)}`],
    ['a path that is too long', `/${'a'.repeat(PATH_BYTES_MAX)}`],
  ])('refuses %s', (_name, raw) => {
    expect(() => parseRequestTarget(raw)).toThrow(
      expect.objectContaining({ code: 'request_invalid' }),
    )
  })

  test.each(['/p/x//y', '/p/a%2Fb;c=1/%25/{x}', '/p/%FF', '/p/...', '/p/'])(
    'keeps %s after what is judged as it came',
    (raw) => {
      const target = parseRequestTarget(raw, () => 1)
      expect([target.segments, printRequestTarget(target)]).toEqual([['p'], raw])
    },
  )

  test.each([
    '/p/..',
    '/p/x/../y',
    '/p/./x',
    '/p/%2e%2e/x',
    '/p/a%2F..%2Fb',
    '/p/a%5C..%5Cb',
    '/p/%252e%252e/x',
    '/p/%25252e%25252e/x',
    '/p/%2525252525252541',
    '/p/..;x/y',
    '/p/a%00',
    '/p/a\\b',
    '/p/é',
  ])('refuses %s, although only its beginning is judged', (raw) => {
    expect(() => parseRequestTarget(raw, () => 1)).toThrow(
      expect.objectContaining({ code: 'request_invalid' }),
    )
  })

  test('hands a letter that is encoded to who counts as the letter', () => {
    const counted: (readonly string[])[] = []
    parseRequestTarget('/%61pi/a%2Fb', (segments) => counted.push(segments) && 1)
    expect(counted).toEqual([['api', 'a%2Fb']])
  })

  test.each(['/p?wsdl', '/p?a=1;b=%ff&c+d', '/p?x=%2541'])(
    'keeps the query of %s as it came where it is proxied',
    (raw) => {
      const target = parseRequestTarget(raw, undefined, () => true)
      expect([target.query, printRequestTarget(target)]).toEqual([[], raw])
    },
  )

  test.each(['/p?a b', '/p?%zz', '/p?a#b', '/p?\u00e9'])(
    'refuses %s although it is proxied',
    (raw) => {
      expect(() => parseRequestTarget(raw, undefined, () => true)).toThrow('must be encoded')
    },
  )

  test('takes a target and a path of just the longest', () => {
    const path = `/${'a'.repeat(PATH_BYTES_MAX - 1)}`
    const raw = `${path}?b=${'c'.repeat(TARGET_BYTES_MAX - path.length - 3)}`
    expect(printRequestTarget(parseRequestTarget(raw))).toBe(raw)
    const pairs = `/a?${Array(QUERY_PAIRS_MAX).fill('b=c').join('&')}`
    expect(printRequestTarget(parseRequestTarget(pairs))).toBe(pairs)
    expect(() => parseRequestTarget(`${pairs}&b=c`)).toThrow('10000')
  })

  test('printRequestTarget() writes what parseRequestTarget() reads back', () => {
    const segment = fc.stringMatching(/^[a-zA-Z0-9:@ ~é-]{1,12}$/).filter((text) => text !== '.')
    const pair = fc.tuple(
      fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,8}$/),
      fc.string({ unit: 'grapheme' }),
    )
    const target = fc.record({
      segments: fc.array(segment, { minLength: 1, maxLength: 6 }),
      rest: fc.constantFrom('', '/', '//'),
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

test.each([
  ['/', '/'],
  ['/p', '/p'],
  ['/p/', '/p/'],
  ['/p/a%2Fb//%C3%A9', '/p/a/b//é'],
  ['/p/%FFx', '/p/\ufffdx'],
])('decodedPath() of %s is %s', (raw, want) => {
  expect(decodedPath(parseRequestTarget(raw, () => 1))).toBe(want)
})
