import { describe, expect, test } from 'vitest'
import { patternAllows, patternDenies, type Token } from './command-pattern.ts'
import { exactWord, UNKNOWN_WORDS } from './word.ts'

function patternOf(line: string): { readonly tokens: readonly Token[] } {
  const kinds: Readonly<Record<string, Token>> = { '*': { kind: 'one' }, '**': { kind: 'rest' } }
  return { tokens: line.split(' ').map((text) => kinds[text] ?? { kind: 'literal', text }) }
}

const wordsOf = (line: string) =>
  line.split(' ').map((text) => (text === '…' ? UNKNOWN_WORDS : exactWord(text)))

describe('patternDenies()', () => {
  test.each([
    ['rm **', 'rm', true],
    ['rm **', 'rm -rf /x', true],
    ['rm **', '/usr/bin/rm /x', true],
    ['rm **', 'rmdir /x', false],
    ['rm', 'rm', true],
    ['rm', 'rm /x', false],
    ['rm -rf *', 'rm -rf /x', true],
    ['rm -rf *', 'rm -fr /x', true],
    ['rm -rf *', 'rm --force --recursive /x', true],
    ['rm -rf *', 'rm -r /x -f', true],
    ['rm -rf *', 'rm -rf /x /y', true],
    ['rm -rf *', 'rm -r /x', false],
    ['rm -rf *', 'rm /x', false],
    ['rm -rf *', 'rm …', true],
    ['sh *', 'sh -c ls', true],
    ['sh *', 'sh', false],
    ['git push **', 'git push --force', true],
    ['git push **', 'git -C /x push', true],
    ['git push **', 'git status', false],
    ['git push **', 'git status …', false],
    ['git push **', 'git …', true],
    ['**', 'anything at all', true],
    ['* x', 'ls x', true],
  ])('%s hits %s: %s', (pattern, line, hit) => {
    expect(patternDenies(patternOf(pattern), wordsOf(line))).toBe(hit)
  })
})

describe('patternAllows()', () => {
  test.each([
    ['ls **', 'ls', 0, true],
    ['ls **', '/bin/ls -l', 0, true],
    ['ls **', '/tmp/ls', 0, false],
    ['ls **', './ls', 0, false],
    ['ls **', 'LS', 0, false],
    ['ls *', 'ls', 0, false],
    ['ls *', 'ls a b', 0, false],
    ['ls *', 'ls …', 0, false],
    ['ls **', 'ls …', 0, true],
    ['/opt/app/ls', '/opt/app/ls', 0, true],
    ['/opt/app/ls', 'ls', 0, false],
    ['python3 **', 'python3 -c x', 2, false],
    ['python3 -c *', 'python3 -c x', 2, true],
    ['python3 /app/a.py **', 'python3 /app/a.py x', 1, true],
    ['python3 * **', 'python3 /tmp/a.py x', 1, false],
  ])('%s covers %s (named by %d): %s', (pattern, line, namedBy, covered) => {
    expect(patternAllows(patternOf(pattern), wordsOf(line), namedBy)).toBe(covered)
  })

  test('a pattern without words covers nothing', () => {
    expect(patternAllows({ tokens: [] }, [], 0)).toBe(false)
  })
})
