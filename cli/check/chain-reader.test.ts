import { expect, test } from 'vitest'
import type { KubernetesClient, Query } from '../../api/client/kubernetes-client.ts'
import { createChainReader } from './chain-reader.ts'

test('createChainReader() reads every page of a namespace, and each namespace once', async () => {
  const asked: string[] = []
  const get = async (path: string, query: Query) => {
    asked.push(`${path.split('/').at(-2)} ${query['continue'] ?? ''}`)
    const name = `chain-${asked.length}`
    const next = query['continue'] === undefined ? { continue: 'more' } : {}
    return { metadata: next, items: [{ metadata: { name } }] }
  }
  const readChains = createChainReader({ get } as unknown as KubernetesClient)
  const names = async (namespace: string) =>
    (await readChains(namespace)).map(({ metadata }) => metadata.name)
  const [first, again] = await Promise.all([names('team'), names('team')])
  expect(first).toEqual(['chain-1', 'chain-2'])
  expect(again).toEqual(first)
  expect(await names('open')).toEqual(['chain-3', 'chain-4'])
  expect(await names('team')).toEqual(first)
  expect(asked).toEqual(['team ', 'team more', 'open ', 'open more'])
})
