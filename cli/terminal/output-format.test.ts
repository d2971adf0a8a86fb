import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { isUnsafe } from '../../core/escape-text.ts'
import { toJson, toYaml } from './output-format.ts'

const VALUE = {
  kind: 'Chain',
  text: 'a\nb',
  agent: 'curl\u001b]0;x\u0007',
  name: 'zoë\u202e',
  '\u009bkey': 1,
}

test.each([
  ['toJson()', toJson, (text: string): unknown => JSON.parse(text)],
  ['toYaml()', toYaml, (text: string): unknown => parse(text)],
])('%s is read back as the same value and is safe to show', (_name, write, read) => {
  const text = write(VALUE)
  expect(read(text)).toEqual(VALUE)
  expect(isUnsafe(text.replaceAll('\n', ''))).toBe(false)
})
