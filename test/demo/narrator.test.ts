import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { createNarrator } from './narrator.ts'

const table = ['HEAD', ...Array.from({ length: 40 }, (_, index) => `row ${index + 1}`)].join('\n')

function told(shows: 'end' | undefined, text: string): readonly string[] {
  const written: string[] = []
  const narrator = createNarrator((part) => written.push(stripVTControlCharacters(part)))
  narrator.answer({ text, why: 'because', ...(shows === undefined ? {} : { shows }) })
  return written
    .join('')
    .split('\n')
    .map((line) => line.trim())
}

test('answer() shows the beginning of a long answer', () => {
  const lines = told(undefined, table)
  expect(lines.slice(0, 2)).toEqual(['HEAD', 'row 1'])
  expect(lines.slice(23)).toEqual(['row 23', '… 17 more lines', '→ because', ''])
})

test('answer() shows the head and the end where the newest comes last', () => {
  const lines = told('end', table)
  expect(lines.slice(0, 3)).toEqual(['HEAD', '… 17 lines before', 'row 18'])
  expect(lines.slice(-3)).toEqual(['row 40', '→ because', ''])
})

test.each([undefined, 'end'] as const)('answer() shows a short answer in full (%s)', (shows) => {
  expect(told(shows, 'a\nb\n')).toEqual(['a', 'b', '→ because', ''])
})
