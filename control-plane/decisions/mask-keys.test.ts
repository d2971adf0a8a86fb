import { expect, test } from 'vitest'
import type { Actor, DelegationChain } from '../../core/chain.ts'
import { createMaskKeys } from './mask-keys.ts'

const user = (username: string) => ({ username, uid: '', groups: [], extra: {} })
const pod = (podUid: string): Actor => ({
  ...{ podUid, namespace: 'team', name: podUid, serviceAccount: 'default', via: [] },
})
const chain: DelegationChain = {
  ...{ rootRequester: user('alice'), coRequesters: [], actors: [pod('one')] },
}
const cluster = { id: 'c', name: '' }
const keyOf = createMaskKeys('secret')
const own = keyOf({ cluster, chain })

test('createMaskKeys() gives all pods of a chain one key, after a restart too', () => {
  const below = { ...chain, coRequesters: [user('bob')], actors: [pod('one'), pod('two')] }
  expect(keyOf({ cluster, chain: below })).toEqual(own)
  expect(createMaskKeys('secret')({ cluster, chain })).toEqual(own)
  expect(own).toHaveLength(32)
})

test.each<[string, DelegationChain, string, string]>([
  ['another first pod', { ...chain, actors: [pod('two'), pod('one')] }, 'c', 'secret'],
  ['another root requester', { ...chain, rootRequester: user('bob') }, 'c', 'secret'],
  ['another cluster', chain, 'd', 'secret'],
  ['another secret', chain, 'c', 'secret '],
])('createMaskKeys() gives %s another key', (_name, other, id, secret) => {
  const key = createMaskKeys(secret)({ cluster: { id, name: '' }, chain: other })
  expect(key).not.toEqual(own)
})
