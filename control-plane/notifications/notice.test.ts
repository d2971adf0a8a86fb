import { describe, expect, test } from 'vitest'
import { type Notice, toSlackBody, toStandardBody } from './notice.ts'

const NOTICE: Notice = {
  id: '01-pending',
  type: 'accessrequest.pending',
  atMs: Date.UTC(2026, 10, 23, 10),
  namespace: 'team',
  request: '01',
  data: { rootRequester: 'alice\u202e', list: ['a\x1b[2J'] },
  text: 'alice asks to delete web',
}

test('toStandardBody() has type, time and data, which no terminal obeys', () => {
  expect(JSON.parse(toStandardBody(NOTICE))).toEqual({
    type: 'accessrequest.pending',
    timestamp: '2026-11-23T10:00:00.000Z',
    data: { rootRequester: 'alice\\u202e', list: ['a\\x1b[2J'] },
  })
})

describe('toSlackBody()', () => {
  const text = (said: string) =>
    (JSON.parse(toSlackBody({ ...NOTICE, text: said })) as { text: string }).text

  test.each([
    ['a mention of everybody', '<!channel>', '&lt;!channel&gt;'],
    ['a link with another text', '<https://evil|safe>', '&lt;https:\u200b//evil|safe&gt;'],
    ['an address', 'https://evil', 'https:\u200b//evil'],
    ['a mention by @', '@here', '@\u200bhere'],
    ['an ampersand', 'a & b', 'a &amp; b'],
    ['an escape sequence', 'a\x1b[2Jb', 'a\\x1b[2Jb'],
    ['lines', 'one\ntwo', 'one\ntwo'],
  ])('makes nothing of %s', (_what, said, want) => {
    expect(text(said)).toBe(want)
  })

  test('says where a text was cut', () => {
    expect(text('x'.repeat(3_000))).toHaveLength(3_000)
    expect(text('x'.repeat(3_001))).toBe(`${'x'.repeat(3_000)} [cut]`)
  })
})
