import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { countIn, parsePrinted, SuiteProgress } from './suite-progress.ts'

/** What sh counts in a file of this text; undefined is no file. */
function counted(text: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-suite-'))
  try {
    const log = join(folder, 'suite.log')
    if (text !== undefined) writeFileSync(log, text)
    return parsePrinted(spawnSync('sh', ['-c', countIn(log)], { encoding: 'utf8' }).stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('countIn() and parsePrinted()', () => {
  test.each([
    ['no file', undefined, { total: 0, ended: 0, failed: 0 }],
    ['an empty file', '', { total: 0, ended: 0, failed: 0 }],
    [
      'a begin',
      'Random Seed: 1\n\nWill run 293 of 7123 specs\n',
      { total: 293, ended: 0, failed: 0 },
    ],
    [
      'specs',
      'Will run 5 of 9 specs\nRunning in parallel across 2 processes\nSSS••S\n------\n• [FAILED] [1.2 seconds]\nit\n------\n••',
      { total: 5, ended: 5, failed: 1 },
    ],
  ])('count %s', (_title, text, want) => {
    expect(counted(text)).toEqual(want)
  })
})

describe('SuiteProgress.state()', () => {
  test.each([
    ['before the specs are chosen', { total: 0, ended: 0, failed: 0 }, 'choosing the specs'],
    ['too early to tell', { total: 293, ended: 9, failed: 0 }, '9 of 293 specs'],
    [
      'as long for each',
      { total: 300, ended: 100, failed: 0 },
      '100 of 300 specs, about 20 min left',
    ],
    [
      'failures',
      { total: 300, ended: 299, failed: 2 },
      '299 of 300 specs, 2 failed, about 0.5 min left',
    ],
    ['the end', { total: 300, ended: 300, failed: 0 }, '300 of 300 specs'],
  ])('%s', (_title, printed, want) => {
    expect(new SuiteProgress(1_000).state(printed, 601_000)).toBe(want)
  })
})
