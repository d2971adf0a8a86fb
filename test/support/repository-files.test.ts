import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { repositoryFiles } from './repository-files.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanyard-files-'))
})

afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

test('repositoryFiles() finds every file but those that .gitignore names, and .git', () => {
  write('.gitignore', '# built\ndist/\n*.log\n')
  for (const path of ['b/c/d.ts', 'a.ts', '.ci/run', 'b/x.log', 'b/dist/e.ts', '.git/config']) {
    write(path)
  }
  expect(repositoryFiles(root)).toEqual(['.ci/run', '.gitignore', 'a.ts', 'b/c/d.ts'])
})

test.each(['/dist', 'a/b', '!keep'])('repositoryFiles() does not guess what %s means', (line) => {
  write('.gitignore', `${line}\n`)
  expect(() => repositoryFiles(root)).toThrow(line)
})

test('repositoryFiles() finds this file', () => {
  expect(repositoryFiles()).toContain('test/support/repository-files.test.ts')
})
