import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AGENT, aBinding, aDecision } from '../../../test/support/record-builders.ts'
import { openStore } from '../open-store.ts'
import { type DatabaseCheck, startDatabaseCheck } from './check-database.ts'

let folder: string
let path: string
let check: DatabaseCheck | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-check-'))
  path = join(folder, 'lanyard.db')
  const store = await openStore(path)
  await store.bindings.record(aBinding([AGENT]))
  const numbers = Array.from({ length: 500 }, (_, index) => index + 1)
  await Promise.all(numbers.map((number) => store.auditEvents.append(aDecision(number))))
  await store.close()
})
afterEach(async () => {
  await check?.stop()
  await rm(folder, { recursive: true })
})

test('startDatabaseCheck() says when a file was found to be whole', async () => {
  check = startDatabaseCheck(path, () => 7)
  expect(check.wholeAtMs()).toBeUndefined()
  await expect.poll(() => check?.wholeAtMs(), { timeout: 10_000 }).toBe(7)
  expect(check.problem()).toBeUndefined()
})

test('startDatabaseCheck() finds pages that do not fit together', async () => {
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(64 * 1024, 0xa5), 0, 64 * 1024, Math.floor(size * 0.6))
  await file.close()
  check = startDatabaseCheck(path, () => 7)
  await expect
    .poll(() => check?.problem(), { timeout: 10_000 })
    .toMatch(/^the database is damaged: /)
  expect(check.wholeAtMs()).toBeUndefined()
})

test('startDatabaseCheck() takes a file that it cannot open for one with a problem', async () => {
  check = startDatabaseCheck(join(folder, 'absent.db'), () => 7)
  await expect
    .poll(() => check?.problem(), { timeout: 10_000 })
    .toMatch(/^the database cannot be checked: Error: unable to open database file$/)
})

test('openStore() takes no decisions for granted on a damaged file', async () => {
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(32 * 1024, 0xa5), 0, 32 * 1024, Math.floor(size * 0.6))
  await file.close()
  const store = await openStore(path)
  await expect.poll(() => store.problem(), { timeout: 10_000 }).toMatch(/damaged/)
  expect(store.checkedAtMs()).toBeUndefined()
  await store.close()
})
