import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonRewriter } from './json-rewriter.ts'
import type { ValueRewriter } from './json-values.ts'
import { compilePathRules, type PathPattern } from './path-rules.ts'

const SEED = 20_261_128
/** Hides what is in these places; strings that begin with "keep" stay. */
const PLACES: readonly PathPattern[] = [
  ['data', '*'],
  ['items', '*', 'data', '*'],
  ['**', 'token'],
  ['all', '**'],
]

const VALUES: ValueRewriter<string> = {
  rewrite: (text) => (text.startsWith('keep') ? undefined : `hidden ${text.length}`),
  instead: () => 'hidden, long',
  hides: () => true,
}

function aRewriter(places = PLACES, stringBytesMax = 1_000): JsonRewriter<string> {
  const patterns = places.map((place) => [place, 'rule'] as const)
  return new JsonRewriter({ places: compilePathRules(patterns), values: VALUES, stringBytesMax })
}

/** What goes on of a text that comes in pieces of these bytes, one after the other. */
function rewrite(text: string, sizes: readonly number[] = [], rewriter = aRewriter()): string {
  const bytes = Buffer.from(text)
  const out: Uint8Array[] = []
  let at = 0
  for (const size of [...sizes, bytes.length]) {
    const chunk = Buffer.from(bytes.subarray(at, at + size))
    out.push(...rewriter.push(chunk).map((part) => Buffer.from(part)))
    // Whoever gave the chunk may use it again.
    chunk.fill(0x21)
    at += size
  }
  out.push(...rewriter.end())
  return Buffer.concat(out).toString()
}

/** The same by means of the whole value. */
function reference(value: unknown, way: readonly string[] = []): unknown {
  const isHidden = PLACES.some((place) => matches(place, way))
  if (Array.isArray(value)) return value.map((one, at) => reference(one, [...way, String(at)]))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, reference(one, [...way, key])]),
    )
  }
  if (!isHidden || value === null) return value
  return typeof value === 'string' ? (VALUES.rewrite(value, [], {}) ?? value) : null
}

function matches(place: PathPattern, way: readonly string[]): boolean {
  const [first, ...rest] = place
  if (first === undefined) return way.length === 0
  if (first === '**') return way.some((_, at) => matches(rest, way.slice(at))) || matches(rest, [])
  return way.length > 0 && (first === '*' || first === way[0]) && matches(rest, way.slice(1))
}

describe('JsonRewriter', () => {
  test.each([
    ['{"data":{"a":"x","b":"keep"}}', '{"data":{"a":"hidden 1","b":"keep"}}'],
    [
      '{ "kind" : "A",\n"data" :\t{ "a" : "x" } }\n',
      '{ "kind" : "A",\n"data" :\t{ "a" : "hidden 1" } }\n',
    ],
    ['{"d\\u0061ta":{"a":"\\u0078"}}', '{"d\\u0061ta":{"a":"hidden 1"}}'],
    ['{"data":{"a":"keep \\u00e9 \\/"}}', '{"data":{"a":"keep \\u00e9 \\/"}}'],
    ['{"data":{"a":1.50e+3,"b":true,"c":null}}', '{"data":{"a":null,"b":null,"c":null}}'],
    ['{"n":1.50e+3,"token":"\\ud800"}', '{"n":1.50e+3,"token":"hidden 1"}'],
    [
      '{"items":[{"data":{"a":"x"}},{"data":{"b":"yy"}}]}',
      '{"items":[{"data":{"a":"hidden 1"}},{"data":{"b":"hidden 2"}}]}',
    ],
    ['{"all":{"a":["x",[["y"]]],"b":{}}}', '{"all":{"a":["hidden 1",[["hidden 1"]]],"b":{}}}'],
    [
      '{"data":{"a":"x","a":"y"},"data":{"a":"z"}}',
      '{"data":{"a":"hidden 1","a":"hidden 1"},"data":{"a":"hidden 1"}}',
    ],
    [
      '{"object":{"x":[{"token":"t"}]}}\n{"token":"u"}\n',
      '{"object":{"x":[{"token":"hidden 1"}]}}\n{"token":"hidden 1"}\n',
    ],
    [`{"data":{"a":"${'x'.repeat(2_000)}"}}`, '{"data":{"a":"hidden, long"}}'],
    ['{"data":"x"}', '{"data":"x"}'],
    ['"x"', '"x"'],
    ['-12', '-12'],
    ['', ''],
    [' \n', ' \n'],
    ['[]', '[]'],
  ])('rewrites %s as %s, in pieces of any size', (text, want) => {
    expect(rewrite(text)).toBe(want)
    expect(rewrite(text, Array(text.length * 2).fill(1))).toBe(want)
    for (let at = 0; at < Math.min(text.length, 200); at += 1)
      expect(rewrite(text, [at])).toBe(want)
  })

  test.each([
    ['a word outside', 'x{}'],
    ['a comma too many', '{"a":1,}'],
    ['a comma too few', '{"a":1 "b":2}'],
    ['a key that is no string', '{a:1}'],
    ['a missing colon', '{"a" 1}'],
    ['a missing value', '{"a":}'],
    ['another bracket', '{"a":[1}'],
    ['a bracket too many', '[]]'],
    ['a wrong escape in what is looked at', '{"data":{"a":"\\x"}}'],
    ['a control character', '{"a":"\n"}'],
    ['an end in a string', '{"data":{"a":"x'],
    ['an end in an object', '{"data":{"a":"x"}'],
    ['an end after a comma', '[1,'],
    ['a byte order mark', '\uFEFF{}'],
    ['YAML', 'data:\n  a: x\n'],
    ['a key without end', `{"${'k'.repeat(70_000)}":1}`],
    ['ten thousand levels and one', '['.repeat(10_001)],
  ])('refuses %s', (_name, text) => {
    expect(() => rewrite(text)).toThrow(expect.objectContaining({ code: 'upstream_failed' }))
  })

  test('lets nothing through of what it refuses', () => {
    const rewriter = aRewriter()
    const out = rewriter.push(Buffer.from('{"data":{"a":"secret'))
    expect(Buffer.concat(out).toString()).toBe('{"data":{"a":')
    expect(() => rewriter.push(Buffer.from('\n"}}'))).toThrow(/control character/)
  })

  test('bears 10,000 levels, and a string of 10 MB of which it keeps nothing', () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000)
    expect(rewrite(deep)).toBe(deep)
    const rewriter = aRewriter()
    const out = [rewriter.push(Buffer.from('{"data":{"a":"'))]
    const piece = Buffer.alloc(64 * 1024, 'x')
    for (let at = 0; at < 160; at += 1) out.push(rewriter.push(piece))
    out.push(rewriter.push(Buffer.from('"}}')), rewriter.end())
    expect(Buffer.concat(out.flat()).toString()).toBe('{"data":{"a":"hidden, long"}}')
  })

  const key = fc.constantFrom('data', 'items', 'token', 'all', 'a', 'keep', '', 'é"\\', '__proto__')
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('keep', 'keep\u2028', '\ud83d\ude00'),
  )
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(key, tie('any'), { maxKeys: 4 }),
    ),
  })).any

  test('gives any value as the whole value would be given, in pieces of any size', () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 })
    fc.assert(
      fc.property(value, pieces, fc.constantFrom('', ' ', '\n\t'), (object, sizes, space) => {
        const written = JSON.stringify(object, undefined, space)
        const out = rewrite(written, sizes)
        expect(out).toBe(JSON.stringify(reference(JSON.parse(written)), undefined, space))
        expect(rewrite(written, sizes, aRewriter([]))).toBe(written)
      }),
      { seed: SEED, numRuns: 3_000 },
    )
  })

  test('throws nothing but its fault for any bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .string({ unit: fc.constantFrom(...'{}[]:,"\\u0 e-1atrue'), maxLength: 60 })
        .map((one) => Buffer.from(one)),
    )
    fc.assert(
      fc.property(bytes, (some) => {
        const rewriter = aRewriter()
        try {
          rewriter.push(some)
          rewriter.end()
        } catch (error) {
          expect(error).toMatchObject({ code: 'upstream_failed' })
        }
      }),
      { seed: SEED, numRuns: 5_000 },
    )
  })
})
