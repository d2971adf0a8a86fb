import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ListWatchServer } from '../../test/support/list-watch-server.ts'
import { type ServiceAccounts, watchServiceAccounts } from './service-accounts.ts'

let server: ListWatchServer
let accounts: ServiceAccounts
let gone: number

const within = { timeout: 10_000 }
const CREATED = '2026-11-23T12:00:00Z'
const anAccount = (name: string, uid: string) => ({
  metadata: { namespace: 'team', name, uid, creationTimestamp: CREATED },
})
const uidOf = (name: string) => accounts.find('team', name)?.uid

beforeEach(async () => {
  server = await ListWatchServer.start()
  server.objects = [anAccount('agent', 'uid-1'), anAccount('build', 'uid-2')]
  gone = 0
  accounts = watchServiceAccounts({
    config: server.config,
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    onGone: () => {
      gone += 1
    },
    onSync: () => undefined,
  })
  await expect.poll(() => server.watches.length, within).toBe(1)
})
afterEach(async () => {
  accounts.stop()
  await server.close()
})

test('watchServiceAccounts() knows the UID and the time of each', () => {
  expect(accounts.isSynced()).toBe(true)
  expect(accounts.find('team', 'agent')).toEqual({ uid: 'uid-1', createdAtMs: Date.parse(CREATED) })
  expect(accounts.find('team', 'absent')).toBeUndefined()
  expect(accounts.find('other', 'agent')).toBeUndefined()
})

test('watchServiceAccounts() calls onGone for a deleted account, not for a new or a changed account', async () => {
  server.tell('ADDED', anAccount('new', 'uid-3'))
  server.tell('MODIFIED', anAccount('agent', 'uid-1'))
  await expect.poll(() => uidOf('new'), within).toBe('uid-3')
  expect(gone).toBe(0)
  server.tell('DELETED', anAccount('agent', 'uid-1'))
  await expect.poll(() => gone, within).toBe(1)
  expect(uidOf('agent')).toBeUndefined()
})

test('watchServiceAccounts() calls onGone when an account is made again under its name', async () => {
  server.tell('ADDED', anAccount('agent', 'uid-9'))
  await expect.poll(() => gone, within).toBe(1)
  expect(uidOf('agent')).toBe('uid-9')
})

test.each([
  ['deleted', [anAccount('build', 'uid-2')], 1],
  ['made again', [anAccount('agent', 'uid-9'), anAccount('build', 'uid-2')], 1],
  ['as they were', [anAccount('agent', 'uid-1'), anAccount('build', 'uid-2')], 0],
])(
  'watchServiceAccounts() that missed events compares the next list, of accounts %s',
  async (_, objects, times) => {
    server.objects = objects
    server.expire()
    await expect.poll(() => server.lists.length, within).toBe(2)
    await expect.poll(() => server.watches.length, within).toBe(2)
    expect(gone).toBe(times)
  },
)
