import { expect, test } from 'vitest'
import { readOwnCluster } from './own-cluster.ts'

const answering = (metadata: object | undefined) => ({
  readNamespace: async () => ({ ...(metadata === undefined ? {} : { metadata }) }),
})

test('readOwnCluster() takes the UID of kube-system and the configured name', async () => {
  const api = answering({ name: 'kube-system', uid: 'uid-1' })
  await expect(readOwnCluster(api, 'prod')).resolves.toEqual({ id: 'uid-1', name: 'prod' })
  await expect(readOwnCluster(api, '')).resolves.toEqual({ id: 'uid-1', name: '' })
})

test.each([
  ['nothing', undefined],
  ['another namespace', { name: 'default', uid: 'uid-1' }],
  ['no UID', { name: 'kube-system' }],
  ['an empty UID', { name: 'kube-system', uid: '' }],
])('readOwnCluster() refuses an answer with %s', async (_name, metadata) => {
  await expect(readOwnCluster(answering(metadata), '')).rejects.toMatchObject({
    code: 'decision_unavailable',
  })
})

test('readOwnCluster() refuses when nobody answers', async () => {
  const api = { readNamespace: () => Promise.reject(new Error('refused')) }
  await expect(readOwnCluster(api, '')).rejects.toThrow(/which cluster/)
})
