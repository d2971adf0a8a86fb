import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Sqlite from 'better-sqlite3'
import { expect, test } from 'vitest'
import { writeEarlierDatabase } from '../../support/earlier-database.ts'

/* A file of 1,000,000 decisions of the earlier form becomes one of records, with every row kept. */

const DECISIONS = 1_000_000
const MEBIBYTE = 1_024 * 1_024
const SCRIPT = new URL('../../support/migrate-database.ts', import.meta.url).pathname

test('openStore() migrates 1,000,000 decisions, in memory that does not grow with them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-large-'))
  try {
    const path = join(folder, 'lanyard.db')
    await writeEarlierDatabase(path, DECISIONS)
    const before = new Sqlite(path, { readonly: true })
    const completed = before.prepare(
      'select count(*) from decision where completed_at_ms is not null',
    )
    const outcomes = completed.pluck().get()
    before.close()
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, path])
    const said = JSON.parse(stdout) as { seconds: number; before: number; most: number }
    const sqlite = new Sqlite(path, { readonly: true })
    const count = (where: string) =>
      sqlite.prepare(`select count(*) from record where ${where}`).pluck().get()
    expect(count('kind = 0')).toBe(DECISIONS)
    expect(count('kind = 1')).toBe(outcomes)
    expect(sqlite.pragma('quick_check', { simple: true })).toBe('ok')
    sqlite.close()
    expect(said.most - said.before, stdout).toBeLessThan(256 * MEBIBYTE)
    expect(said.seconds, stdout).toBeLessThan(600)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 900_000)
