import { expect, test } from 'vitest'
import type { CommandContext } from '../command/command-context.ts'
import { runItem } from './check-item.ts'
import { operatorChecks } from './operator-checks.ts'

const podOf = (apiVersion: string, kind: string, controller = true) => ({
  metadata: { ownerReferences: [{ apiVersion, kind, controller }] },
})

async function found(pods: readonly object[]) {
  const client = { get: async () => ({ items: pods }) }
  return operatorChecks({ client } as unknown as CommandContext, ['team'])
}

test('operatorChecks() warns of the kinds that operators make pods for', async () => {
  const workflow = podOf('argoproj.io/v1alpha1', 'Workflow')
  const [item] = await found([workflow, workflow, podOf('tekton.dev/v1', 'TaskRun')])
  const { result, hints = [] } = item === undefined ? { result: 'ok' } : await runItem(item)
  expect(result).toBe('warning')
  expect(hints.slice(0, 2)).toEqual([
    '2 pods are made by an operator for Workflow.argoproj.io',
    '1 pod is made by an operator for TaskRun.tekton.dev',
  ])
})

test.each([
  ['no pods', []],
  [
    'pods of built-in kinds',
    [podOf('apps/v1', 'ReplicaSet'), podOf('v1', 'Node'), podOf('batch/v1', 'Job')],
  ],
  ['a pod that nothing controls', [podOf('x.dev/v1', 'X', false), { metadata: {} }]],
])('operatorChecks() says nothing of %s', async (_name, pods) => {
  expect(await found(pods)).toEqual([])
})

test('operatorChecks() says nothing where pods cannot be listed', async () => {
  const client = { get: () => Promise.reject(new Error('forbidden')) }
  expect(await operatorChecks({ client } as unknown as CommandContext, ['team'])).toEqual([])
})
