import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withFolders } from './files.ts'
import { type TarEntry, writeTar } from './tar.ts'

const LONG = `${'folder-of-a-long-name/'.repeat(6)}file.js`
const entries: readonly TarEntry[] = [
  { path: 'a/b.txt', type: 'file', bytes: Buffer.from('hello'), mode: 0o640 },
  { path: 'a/empty', type: 'file', bytes: Buffer.alloc(0), mode: 0o644 },
  { path: LONG, type: 'file', bytes: Buffer.alloc(1_000, 'x'), mode: 0o644 },
  { path: 'link', type: 'link', target: 'a/b.txt' },
]

test('writeTar() writes what tar reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-tar-'))
  writeFileSync(join(folder, 'x.tar'), writeTar(withFolders(entries)))
  execFileSync('tar', ['-xf', 'x.tar'], { cwd: folder })
  expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('hello')
  expect(readFileSync(join(folder, LONG))).toHaveLength(1_000)
  expect(statSync(join(folder, 'a/b.txt')).mode & 0o777).toBe(0o640)
  rmSync(folder, { recursive: true })
})

test('writeTar() refuses a path that it cannot hold', () => {
  const path = 'x'.repeat(200)
  expect(() => writeTar([{ path, type: 'folder', mode: 0o755 }])).toThrow(/too long for ustar/)
})
