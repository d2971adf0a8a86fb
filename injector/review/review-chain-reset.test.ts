import { expect, test } from 'vitest'
import { anAdmissionRequest } from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import type { AdmissionRequest } from '../admission/admission-review.ts'
import { isChainReset, mutateChainReset, validateChainReset } from './review-chain-reset.ts'

const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', generation: 3 }
const status = { phase: 'Done', by: 'alice' }
const kind = { group: 'lanyard.dev', version: 'v1alpha1', kind: 'ChainReset' }
const aReset = (object: object, fields: Partial<AdmissionRequest> = {}): AdmissionRequest =>
  anAdmissionRequest({ kind, resource: 'chainresets', object: { ...object }, ...fields })

test('mutateChainReset() writes who asks, whatever was there', () => {
  const review = mutateChainReset(aReset({ spec: { target }, status: { phase: 'Done', by: 'x' } }))
  const patch = [{ op: 'add', path: '/status', value: status }]
  expect(review).toEqual({ result: 'patched', patch })
})

test('validateChainReset() has the workload reset, by UID', async () => {
  const chains = createRecordingChainClient()
  const review = await validateChainReset(aReset({ spec: { target }, status }), chains)
  expect(review).toEqual({ result: 'allowed' })
  expect(chains.reset).toEqual([target])
})

test.each<[string, object, string]>([
  ['nobody', { spec: { target } }, 'does not say who asks'],
  [
    'somebody else',
    { spec: { target }, status: { ...status, by: 'bob' } },
    'does not say who asks',
  ],
  [
    'a pod',
    { spec: { target: { ...target, kind: 'Pod', apiVersion: 'v1' } }, status },
    'only what makes pods',
  ],
  [
    'another group',
    { spec: { target: { ...target, apiVersion: 'x/v1' } }, status },
    'only what makes pods',
  ],
])('validateChainReset() refuses one that says %s', async (_name, object, message) => {
  const chains = createRecordingChainClient()
  const review = await validateChainReset(aReset(object), chains)
  expect(review).toMatchObject({ result: 'refused', message: expect.stringContaining(message) })
  expect(chains.reset).toEqual([])
})

test.each(['apiVersion', 'kind', 'name', 'uid', 'generation'])(
  'validateChainReset() refuses one without %s',
  async (field) => {
    const { [field]: _left, ...rest } = target as Record<string, unknown>
    const review = validateChainReset(
      aReset({ spec: { target: rest }, status }),
      createRecordingChainClient(),
    )
    await expect(review).rejects.toMatchObject({ code: 'request_invalid' })
  },
)

test.each<[string, Partial<AdmissionRequest>, boolean]>([
  ['a new one', {}, true],
  ['a change', { operation: 'UPDATE' }, false],
  ['another resource', { resource: 'accesspolicies' }, false],
  ['another group', { kind: { ...kind, group: 'x.dev' } }, false],
  ['a status', { subresource: 'status' }, false],
])('isChainReset() of %s', (_name, fields, want) => {
  expect(isChainReset(aReset({}, fields))).toBe(want)
})
