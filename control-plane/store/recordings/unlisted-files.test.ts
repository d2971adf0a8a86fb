import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRecordingParts, type RecordingParts } from '../../../test/support/recording-parts.ts'
import { UnlistedFiles } from './unlisted-files.ts'

let parts: RecordingParts
let unlisted: UnlistedFiles
beforeEach(async () => {
  parts = await openRecordingParts()
  unlisted = new UnlistedFiles(parts.folder)
  await unlisted.open()
})
afterEach(() => parts.close())

/** Files in the folder of the recordings, the first the oldest, of 1, 2, … bytes. */
async function write(...names: string[]): Promise<void> {
  for (const [index, name] of names.entries()) {
    await writeFile(join(parts.folder, name), 'x'.repeat(index + 1))
    await utimes(join(parts.folder, name), index, index)
  }
}
const names = async () => (await readdir(join(parts.folder, 'unlisted'))).toSorted()

test('UnlistedFiles.size() is nothing where nothing was set aside', () => {
  expect(unlisted.size()).toEqual({ unlistedFiles: 0, unlistedBytes: 0 })
})

test('UnlistedFiles.setAside() moves files out of the way of the recordings', async () => {
  await write('a.zst', 'b.zst', 'stays.zst')
  await unlisted.setAside(['a.zst', 'b.zst'], 7)
  expect(await names()).toEqual(['a.zst', 'b.zst'])
  expect(unlisted.size()).toEqual({ unlistedFiles: 2, unlistedBytes: 3 })
  expect(await readFile(join(parts.folder, 'stays.zst'), 'utf8')).toBe('xxx')
})

test('UnlistedFiles.setAside() overwrites nothing of an earlier time', async () => {
  await write('a.zst')
  await unlisted.setAside(['a.zst'], 7)
  await writeFile(join(parts.folder, 'a.zst'), 'other')
  await unlisted.setAside(['a.zst'], 9)
  expect(await names()).toEqual(['a.zst', 'a.zst.9'])
  expect(await readFile(join(parts.folder, 'unlisted/a.zst'), 'utf8')).toBe('x')
})

test.each([
  [0, ['a', 'b', 'c']],
  [1, ['b', 'c']],
  [2, ['c']],
  [99, []],
])('UnlistedFiles.drop(%d) removes the oldest until so much is gone', async (bytes, left) => {
  await write('a', 'b', 'c')
  await unlisted.setAside(['a', 'b', 'c'], 7)
  await unlisted.drop(bytes)
  expect(await names()).toEqual(left)
  expect(unlisted.size().unlistedFiles).toBe(left.length)
})

test('UnlistedFiles.open() finds what an earlier process set aside', async () => {
  await mkdir(join(parts.folder, 'unlisted'))
  await writeFile(join(parts.folder, 'unlisted', 'a'), 'xx')
  await unlisted.open()
  expect(unlisted.size()).toEqual({ unlistedFiles: 1, unlistedBytes: 2 })
})
