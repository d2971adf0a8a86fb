import { describe, expect, test } from 'vitest'
import { exactWord } from './word.ts'
import { findWrittenFile } from './written-file.ts'

const find = (line: string) => {
  const words = line.split(' ')
  return findWrittenFile(words[0] ?? '', words.map(exactWord))
}

describe('findWrittenFile()', () => {
  test.each([
    ['sort -o /bin/ls list', '-o'],
    ['sort -uo/bin/ls list', '-uo/bin/ls'],
    ['sort -k 2 -ro /bin/ls list', '-ro'],
    ['sort list --output=/bin/ls', '--output=/bin/ls'],
    ['sort list --out /bin/ls', '--out'],
    ['uniq list /bin/ls', '/bin/ls'],
    ['uniq -f 1 list /bin/ls', '/bin/ls'],
    ['xxd -r dump /bin/ls', '/bin/ls'],
    ['git log --output=/bin/ls', '--output=/bin/ls'],
    ['git diff --outp /bin/ls', '--outp'],
    ['curl -sSLo /bin/ls https://example.com', '-sSLo'],
    ['curl -OL https://example.com/ls', '-OL'],
    ['curl --dump-header /etc/x https://example.com', '--dump-header'],
    ['openssl rand -out /bin/ls 12', '-out'],
    ['uniq -- -c /bin/ls', '/bin/ls'],
  ])('%s', (line, word) => {
    expect(find(line)).toBe(word)
  })

  test.each([
    'sort',
    'sort -k 2 list other',
    'sort -t o list',
    'sort -to list',
    'sort -- -o list',
    'uniq -c list',
    'git log --oneline',
    'git ls-files -o',
    'git grep -o word',
    'curl -sS https://example.com',
    'curl -d o https://example.com',
    'openssl x509 -in a -text',
    'cp a b',
    '',
  ])('writes none: %s', (line) => {
    expect(find(line)).toBeUndefined()
  })

  test('knows no program by a name of every object', () => {
    expect(find('constructor -o x')).toBeUndefined()
  })
})
