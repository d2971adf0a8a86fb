import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { CredentialScanner } from './credential-scanner.ts'
import { maskText } from './mask-text.ts'
import type { MaskWords } from './mask-words.ts'
import { TextMasker } from './text-masker.ts'

const scanner = new CredentialScanner()
const WORDS: MaskWords = {
  tokenOf: (value) => `<${createHash('sha256').update(value).digest('hex').slice(0, 6)}>`,
  unknown: '<unknown>',
}

function masked(pieces: readonly (string | Buffer)[]): string {
  const masker = new TextMasker(scanner, WORDS)
  const out = pieces.map((piece) => masker.push(Buffer.from(piece as string, 'latin1'), 0))
  return Buffer.concat([...out, masker.end()]).toString('latin1')
}

const tokenOf = (value: string) => WORDS.tokenOf(Buffer.from(value))
// In two parts, so that nobody takes them for real ones.
const GITHUB = `ghp${'_'}S3cdLqBfA9kq2hYw7Vt0pXeR5nMz1u2Kd8Tj`
const BODY = [
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj',
  'MzEfYyjiWA4R4',
  'Fg==',
]
const PEM = [
  '-----BEGIN PRI',
  'VATE KEY-----\n',
  BODY.join('\n'),
  '\n-----END PRI',
  'VATE KEY-----\n',
].join('')

describe('TextMasker', () => {
  test.each([
    ['a token in a line', `a ${GITHUB} b\n`, `a ${tokenOf(GITHUB)} b\n`],
    ['no end of line', `a ${GITHUB}`, `a ${tokenOf(GITHUB)}`],
    ['an assignment', 'x\nDB_PASSWORD=hunter2\ny\n', `x\nDB_PASSWORD=${tokenOf('hunter2')}\ny\n`],
    ['JSON', '{"a":1,"password":"hunter2"}\n', `{"a":1,"password":"${tokenOf('hunter2')}"}\n`],
    [
      'a pair over two lines',
      '- name: DB_PASSWORD\n  value: hunter2\n',
      `- name: DB_PASSWORD\n  value: ${tokenOf('hunter2')}\n`,
    ],
    [
      'a pair that comes to nothing',
      '- name: DB_PASSWORD\n  valueFrom: x\n',
      '- name: DB_PASSWORD\n  valueFrom: x\n',
    ],
    [
      'colours within',
      `\x1b[31mghp\x1b[0m${GITHUB.slice(3)} b\n`,
      `\x1b[31m${tokenOf(GITHUB)}\x1b[0m b\n`,
    ],
    [
      'a key over lines',
      `a\n${PEM}b\n`,
      `a\n-----BEGIN PRIVATE KEY-----\n${tokenOf(BODY.join(''))}\n-----END PRIVATE KEY-----\nb\n`,
    ],
    [
      'a key with times',
      PEM.split('\n')
        .slice(0, -1)
        .map((line) => `10:00 ${line}\n`)
        .join(''),
      `10:00 -----BEGIN PRIVATE KEY-----\n10:00 ${tokenOf(BODY.join(''))}\n10:00 -----END PRIVATE KEY-----\n`,
    ],
    ['bytes that are no UTF-8', `\xff\xfe token=\xc3 \x80\n`, `\xff\xfe token=\xc3 \x80\n`],
    ['nothing', '', ''],
  ])('hides %s, wherever the text is cut', (_name, text, want) => {
    expect(masked([text])).toBe(want)
    for (let at = 0; at <= text.length; at += 1)
      expect(masked([text.slice(0, at), text.slice(at)])).toBe(want)
    expect(masked([...text])).toBe(want)
  })
})

test('maskText() hides what a text of many lines holds', () => {
  expect(maskText(`a\n${PEM}`, scanner, WORDS)).not.toContain('MIIE')
  expect(maskText('nothing here', scanner, WORDS)).toBeUndefined()
})
