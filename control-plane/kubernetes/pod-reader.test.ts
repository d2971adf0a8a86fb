import { ApiException, type V1Pod } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { createPodReader } from './pod-reader.ts'

const web = { metadata: { name: 'web', namespace: 'team', uid: 'uid-1' } }
const answering = (answer: () => V1Pod) =>
  createPodReader({ readNamespacedPod: async () => answer() })

function failing(code: number): () => never {
  return () => {
    throw new ApiException(code, 'no', {}, {})
  }
}

test('readPodUid() says which pod has a name', async () => {
  expect(await answering(() => web)('team', 'web')).toBe('uid-1')
})

test.each([
  ['that is not there', failing(404), 'team', 'web'],
  ['without a name', () => web, 'team', ''],
  ['without a namespace', () => web, '', 'web'],
  ['for which another object comes', () => web, 'team', '..'],
  ['for which one of another namespace comes', () => web, 'other', 'web'],
])('readPodUid() knows none %s', async (_name, answer, namespace, name) => {
  expect(await answering(answer)(namespace, name)).toBeUndefined()
})

test.each([403, 500])('readPodUid() does not take a %i for an absent pod', async (code) => {
  await expect(answering(failing(code))('team', 'web')).rejects.toMatchObject({
    code: 'decision_unavailable',
  })
})
