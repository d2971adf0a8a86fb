import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { ListWatchServer } from '../../test/support/list-watch-server.ts'
import { type ChainRevocations, watchChainRevocations } from './chain-revocations.ts'

let server: ListWatchServer
let revocations: ChainRevocations
let changes: number

const within = { timeout: 10_000 }
const aRevocation = (name: string, user: string, requester = 'Any') => ({
  metadata: { name, creationTimestamp: '2026-11-23T12:00:00Z' },
  spec: { principal: { kind: 'User', name: user }, requester },
})
const namesOf = (user: string) => revocations.of(user).map(({ name }) => name)

beforeEach(async () => {
  server = await ListWatchServer.start()
  server.objects = [aRevocation('one', 'alice')]
  changes = 0
  revocations = watchChainRevocations({
    config: server.config,
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    onChange: () => {
      changes += 1
    },
    onSync: () => undefined,
  })
})
afterEach(async () => {
  revocations.stop()
  await server.close()
})

const watched = () => expect.poll(() => server.watches.length, within).toBe(1)

test('watchChainRevocations() knows nothing before the first list, and says so', async () => {
  expect(revocations.problem()).toContain('not in sync')
  expect(namesOf('alice')).toEqual([])
  await watched()
  expect(revocations.problem()).toBeUndefined()
  expect(namesOf('alice')).toEqual(['one'])
  expect(namesOf('bob')).toEqual([])
})

test('watchChainRevocations() follows what is made and deleted', async () => {
  await watched()
  server.tell('ADDED', aRevocation('two', 'alice', 'Root'))
  await expect.poll(() => namesOf('alice'), within).toEqual(['one', 'two'])
  server.tell('DELETED', aRevocation('one', 'alice'))
  await expect.poll(() => namesOf('alice'), within).toEqual(['two'])
  expect(changes).toBe(3)
})

test('watchChainRevocations() has a problem while one of them cannot be read', async () => {
  await watched()
  server.tell('ADDED', aRevocation('odd', 'alice', 'Sometimes'))
  await expect.poll(() => revocations.problem(), within).toContain('"odd" is not valid')
  // What can be read still counts.
  expect(namesOf('alice')).toEqual(['one'])
  server.tell('DELETED', aRevocation('odd', 'alice', 'Sometimes'))
  await expect.poll(() => revocations.problem(), within).toBeUndefined()
})
