import { describe, expect, test } from 'vitest'
import { findMaskToken, holdsMaskToken, MASK_PREFIX, maskToken } from './mask-token.ts'

const key = Buffer.alloc(32, 1)
const token = maskToken(Buffer.from('hunter2'), key)
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('maskToken()', () => {
  test('is the same for the same value under one key, and only then', () => {
    expect(maskToken(Buffer.from('hunter2'), key)).toBe(token)
    expect(maskToken(Buffer.from('hunter3'), key)).not.toBe(token)
    expect(maskToken(Buffer.from('hunter2'), Buffer.alloc(32, 2))).not.toBe(token)
  })

  test.each(['', 'a', 'x'.repeat(1_000_000)])('of %j has one length', (value) => {
    const made = maskToken(Buffer.from(value), key)
    expect(made).toMatch(/^lanyard-masked-[0-9a-f]{24}$/)
    expect(base64(made)).toHaveLength(52)
  })
})

describe('holdsMaskToken()', () => {
  const around = ['', 'a', 'ab', 'abc'].map((before) => `${before}${token}:tail`)

  test.each<readonly [string, string]>([
    ['as it is', token],
    ['within a text', `postgres://u:${token}@db`],
    ['cut', MASK_PREFIX],
    ['in hex', Buffer.from(token).toString('hex')],
    ['in hex in capitals', Buffer.from(token).toString('hex').toUpperCase()],
    ['as JSON within a text', `{"a":"${token.replace('l', '\\u006C')}"}`],
    ['in a URL', token.replace('-', '%2d')],
    ...around.map((text, at) => [`in base64 behind ${at}`, base64(text)] as const),
    ...around.map((text, at) => [`in base64 twice behind ${at}`, base64(base64(text))] as const),
    ['in a Docker configuration', base64(`{"auths":{"r":{"auth":"${base64(`u:${token}`)}"}}}`)],
    ['in folded base64', base64(token).replace(/(.{11})/g, '$1\n  ')],
  ])('finds a token %s', (_name, text) => {
    expect(holdsMaskToken(text)).toBe(true)
  })

  test.each([
    '',
    'lanyard',
    'masked',
    'lanyard-masked',
    'bGFueWFyZA==',
    '%zz\\u00',
    'a'.repeat(99),
  ])('finds none in %j', (text) => expect(holdsMaskToken(text)).toBe(false))
})

describe('findMaskToken()', () => {
  test.each<[string, unknown]>([
    ['data.password', { data: { user: 'x', password: token } }],
    [
      'spec.containers[1].env[0].value',
      { spec: { containers: [{}, { env: [{ value: token }] }] } },
    ],
    ['[0].value.a', [{ op: 'add', value: { a: token } }]],
    [`data.${token}`, { data: { [token]: 'x' } }],
    ['the body', token],
  ])('names %s', (at, object) => {
    expect(findMaskToken(object)).toBe(at)
  })

  test('names the first of two', () => {
    expect(findMaskToken({ a: { b: token }, c: token })).toBe('a.b')
  })

  test('bears 5,000 levels, and finds nothing in what holds none', () => {
    const deep = JSON.parse(`${'['.repeat(5_000)}"x",1,null${']'.repeat(5_000)}`) as unknown
    expect(findMaskToken(deep)).toBeUndefined()
  })
})
