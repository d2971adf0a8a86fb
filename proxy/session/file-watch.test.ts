import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FileWatch, tarDirection, writesArchive } from './file-watch.ts'
import type { Observation } from './observation.ts'

const NAMES = ['a', `${'long/'.repeat(40)}name`.replaceAll('/', '-'), 'ümlaut', 'empty']

/** An archive that the machine's own tar writes. */
function archive(format: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-tar-'))
  for (const name of NAMES) writeFileSync(join(folder, name), contents(name))
  const bytes = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', folder, ...NAMES])
  rmSync(folder, { recursive: true })
  return bytes
}

function contents(name: string): string {
  return name === 'empty' ? '' : name.repeat(500)
}

function watched(bytes: Buffer, size: number): readonly Observation[] {
  const events: Observation[] = []
  const watch = new FileWatch('from_pod', (event) => void events.push(event))
  for (let at = 0; at < bytes.length; at += size) watch.fromPod(bytes.subarray(at, at + size))
  watch.finish()
  return events
}

describe('FileWatch', () => {
  test.each(
    ['gnu', 'pax', 'posix'].flatMap((format) =>
      [1, 511, 1_000_000].map((size) => [format, size] as const),
    ),
  )('tells the files of an archive in the format %s in pieces of %i bytes', (format, size) => {
    expect(watched(archive(format), size)).toEqual(
      NAMES.map((name) => ({
        ...{ kind: 'file', direction: 'from_pod', name },
        bytes: Buffer.byteLength(contents(name)),
        sha256: createHash('sha256').update(contents(name)).digest('hex'),
      })),
    )
  })

  test('tells a file that is cut without a digest', () => {
    expect(watched(archive('gnu').subarray(0, 700), 100)).toEqual([
      { kind: 'file', direction: 'from_pod', name: 'a', bytes: 500, sha256: '' },
    ])
  })

  test('takes any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3_000 }),
        fc.integer({ min: 1, max: 600 }),
        (bytes, size) => {
          expect(watched(Buffer.from(bytes), size)).toEqual(watched(Buffer.from(bytes), 1_000_000))
        },
      ),
      { seed: 10, numRuns: 200 },
    )
    expect(watched(Buffer.alloc(0), 1)).toEqual([])
  })
})

test.each([
  ['tar cf - /tmp/x', 'from_pod'],
  ['/bin/tar -cf - x', 'from_pod'],
  ['tar -xmf - -C /tmp', 'to_pod'],
  ['tar --no-same-permissions --no-same-owner -xmf - -C /tmp', 'to_pod'],
  ['tar tf -', undefined],
  ['tar czf - x', undefined],
  ['tar cf x.tar y', undefined],
  ['cat -', undefined],
  ['', undefined],
])('tarDirection: %s', (command, expected) => {
  expect(tarDirection(command.split(' '))).toBe(expected)
})

test.each<[string, boolean]>([
  ['tar cf - /data', true],
  ['tar czf - /data', true],
  ['/bin/tar -cf - /data', true],
  ['tar c /data', true],
  ['tar cf /tmp/x.tar /data', false],
  ['tar -xmf - -C /data', false],
  ['tar tf -', false],
  ['cat tar', false],
  ['', false],
])('writesArchive() of %s is %s', (command, writes) => {
  expect(writesArchive(command.split(' '))).toBe(writes)
})
