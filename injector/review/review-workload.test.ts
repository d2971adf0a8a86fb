import { describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { codeDigest } from '../../core/templates/code-digest.ts'
import { anAdmissionRequest } from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import type { AdmissionRequest } from '../admission/admission-review.ts'
import { isWorkload, validateWorkload as validate } from './review-workload.ts'

const validateWorkload = (
  admitted: AdmissionRequest,
  chains: ReturnType<typeof createRecordingChainClient>,
) => validate(admitted, chains, (key) => key === 'restartedAt')

const template = { spec: { containers: [{ name: 'app', image: 'a:1' }] } }
const metadata = { name: 'web', uid: 'web-uid', generation: 1 }
const deployment = { metadata, spec: { replicas: 1, selector: {}, template } }
const cronJob = { metadata, spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } } }
const otherTemplate = { spec: { containers: [{ name: 'app', image: 'b:1' }] } }

const request = (fields: Partial<AdmissionRequest>): AdmissionRequest =>
  anAdmissionRequest({
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: 'deployments',
    object: deployment,
    ...fields,
  })

describe('validateWorkload() records', () => {
  test('who created it', async () => {
    const chains = createRecordingChainClient()
    expect(await validateWorkload(request({}), chains)).toEqual({ result: 'allowed' })
    expect(chains.recorded).toEqual([
      {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'web-uid' },
        generation: 1,
        codeDigest: codeDigest('apps/Deployment', deployment),
        change: { what: 'created' },
      },
    ])
  })

  test('what its pods would run, where a template is new', async () => {
    const chains = createRecordingChainClient()
    await validateWorkload(request({}), chains)
    const operation = 'UPDATE' as const
    const oldObject = { metadata, spec: { ...deployment.spec, template: otherTemplate } }
    await validateWorkload(request({ operation, oldObject }), chains)
    const scaled = { metadata, spec: { ...deployment.spec, replicas: 2 } }
    await validateWorkload(request({ operation, oldObject: scaled }), chains)
    const told = { problem: '', commands: [{ at: 'spec.template.spec.containers[0] (app)' }] }
    expect(chains.templates).toMatchObject([told, told, undefined])
  })

  test('an object of the core group by its version alone', async () => {
    const chains = createRecordingChainClient()
    const kind = { group: '', version: 'v1', kind: 'ReplicationController' }
    await validateWorkload(request({ kind, resource: 'replicationcontrollers' }), chains)
    expect(chains.recorded[0]?.apiVersion).toBe('v1')
  })

  test.each<[string, object, object | undefined]>([
    [
      'the template',
      deployment,
      { metadata, spec: { ...deployment.spec, template: otherTemplate } },
    ],
    [
      'the template of a CronJob',
      cronJob,
      { metadata, spec: { ...cronJob.spec, jobTemplate: { spec: { template: otherTemplate } } } },
    ],
    [
      'the labels of the pods that it takes over',
      deployment,
      { metadata, spec: { ...deployment.spec, selector: { matchLabels: { a: 'b' } } } },
    ],
    [
      'the claims that its pods mount',
      deployment,
      { metadata, spec: { ...deployment.spec, volumeClaimTemplates: [{}] } },
    ],
    ['something that cannot be compared', deployment, undefined],
  ])('who changed %s', async (_name, object, oldObject) => {
    const chains = createRecordingChainClient()
    const change = { operation: 'UPDATE', object, oldObject } as Partial<AdmissionRequest>
    expect(await validateWorkload(request(change), chains)).toEqual({ result: 'allowed' })
    expect(chains.recorded).toMatchObject([{ change: { what: 'template-changed' } }])
  })
})

describe('validateWorkload() records which object controls it', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', controller: true }
  const ownedBy = (...uids: string[]) => ({
    ...deployment,
    metadata: { ...metadata, ownerReferences: uids.map((uid) => ({ ...owner, uid })) },
  })
  const controller = { username: 'system:serviceaccount:kube-system:deployment-controller' }

  test.each([
    ['adopted', ownedBy('new'), deployment, ['adopted']],
    ['adopted by another', ownedBy('new'), ownedBy('old'), ['adopted']],
    ['let go', deployment, ownedBy('old'), []],
    ['left where it was', ownedBy('old'), ownedBy('old'), []],
    [
      'taken back to an older template',
      { ...deployment, spec: { template } },
      { ...deployment, spec: {} },
      ['template-changed'],
    ],
  ])('when it is %s by a controller', async (_name, object, oldObject, want) => {
    const chains = createRecordingChainClient()
    const user = { ...request({}).user, ...controller }
    const change = { operation: 'UPDATE', object, oldObject, user } as Partial<AdmissionRequest>
    await validateWorkload(request(change), chains)
    expect(chains.recorded.map((one) => one.change.what)).toEqual(want)
  })

  test.each([
    ['gives it a controller', ownedBy('new'), deployment],
    ['gives it another controller', ownedBy('new'), ownedBy('old')],
    ['takes its controller away', deployment, ownedBy('old')],
  ])('as a choice of code when a person %s', async (_name, object, oldObject) => {
    const chains = createRecordingChainClient()
    const change = { operation: 'UPDATE', object, oldObject } as Partial<AdmissionRequest>
    await validateWorkload(request(change), chains)
    expect(chains.recorded.map((one) => one.change.what)).toEqual(['template-changed'])
  })
})

describe('validateWorkload() records as a choice of code', () => {
  const annotated = (key: string) => ({
    ...deployment,
    metadata: { ...metadata, annotations: { [key]: '7' } },
  })
  const labelled = { ...deployment, metadata: { ...metadata, labels: { app: 'web' } } }
  const at = (currentRevision: string) => ({ ...deployment, status: { currentRevision } })
  const rollback = annotated('deprecated.deployment.rollback.to')
  const revision = annotated('deployment.kubernetes.io/revision')

  test.each<[string, string, string, string, object, object]>([
    ['the revision to go back to', 'Deployment', 'deployments', '', rollback, deployment],
    ['the same through its status', 'Deployment', 'deployments', 'status', rollback, deployment],
    ['the revision as which it is found', 'ReplicaSet', 'replicasets', '', revision, deployment],
    ['labels by which it is adopted', 'ReplicaSet', 'replicasets', '', labelled, deployment],
    ['the current revision', 'StatefulSet', 'statefulsets', 'status', at('b'), at('a')],
    ['labels of a revision', 'ControllerRevision', 'controllerrevisions', '', labelled, deployment],
    [
      'the number of a revision',
      'ControllerRevision',
      'controllerrevisions',
      '',
      { ...deployment, revision: 2 },
      { ...deployment, revision: 1 },
    ],
    [
      'how many pods are of an older template',
      'StatefulSet',
      'statefulsets',
      '',
      { metadata, spec: { updateStrategy: { rollingUpdate: { partition: 3 } } } },
      { metadata, spec: {} },
    ],
  ])('%s', async (_name, kind, resource, subresource, object, oldObject) => {
    const chains = createRecordingChainClient()
    const changed = { kind: { group: 'apps', version: 'v1', kind }, resource, subresource }
    const admitted = {
      ...changed,
      operation: 'UPDATE',
      object,
      oldObject,
    } as Partial<AdmissionRequest>
    await validateWorkload(request(admitted), chains)
    expect(chains.recorded.map((one) => one.change.what)).toEqual(['template-changed'])
  })
})

describe('validateWorkload() records as a touch', () => {
  const restarted = { ...template, metadata: { annotations: { restartedAt: 'now' } } }
  test.each<[string, object, readonly string[]]>([
    ['a scale', { ...deployment.spec, replicas: 9 }, ['replicas']],
    ['a pause', { ...deployment.spec, paused: true }, ['paused']],
    [
      'a restart',
      { ...deployment.spec, template: restarted },
      ['template.metadata.annotations.restartedAt'],
    ],
    [
      'a place',
      { ...deployment.spec, template: { spec: { ...template.spec, nodeSelector: { a: 'b' } } } },
      ['template.spec.nodeSelector.a'],
    ],
  ])('%s', async (_name, spec, fields) => {
    const chains = createRecordingChainClient()
    const object = { metadata, spec }
    const change = {
      operation: 'UPDATE',
      object,
      oldObject: deployment,
    } as Partial<AdmissionRequest>
    await validateWorkload(request(change), chains)
    expect(chains.recorded.map((one) => one.change)).toEqual([{ what: 'touched', fields }])
  })
})

describe('validateWorkload() does not record', () => {
  test.each<[string, object]>([
    ['a label', { metadata: { ...metadata, labels: { a: 'b' } }, spec: deployment.spec }],
    ['a note', { metadata: { ...metadata, annotations: { a: 'b' } }, spec: deployment.spec }],
    [
      'an owner that does not control',
      { metadata: { ...metadata, ownerReferences: [{ uid: 'x' }] }, spec: deployment.spec },
    ],
    ['a status beside the object', { ...deployment, status: { replicas: 1 } }],
  ])('%s', async (_name, oldObject) => {
    const chains = createRecordingChainClient()
    const change = { operation: 'UPDATE', oldObject } as Partial<AdmissionRequest>
    expect(await validateWorkload(request(change), chains)).toEqual({ result: 'allowed' })
    expect(chains.recorded).toEqual([])
  })

  test('a scale by a controller of the cluster', async () => {
    const chains = createRecordingChainClient()
    const user = { ...request({}).user, username: 'system:kube-controller-manager' }
    const oldObject = { ...deployment, spec: { ...deployment.spec, replicas: 2 } }
    await validateWorkload(request({ operation: 'UPDATE', oldObject, user }), chains)
    expect(chains.recorded).toEqual([])
  })
})

describe('validateWorkload() refuses', () => {
  test.each<[string, object | undefined, string]>([
    ['nothing', undefined, 'lanyard: the object is missing'],
    ['no UID', { metadata: { name: 'x' } }, 'lanyard: the object has no name or no UID yet'],
    ['no name', { metadata: { uid: 'x' } }, 'lanyard: the object has no name or no UID yet'],
    ['no metadata', {}, 'lanyard: the object has no name or no UID yet'],
  ])('an object with %s', async (_name, object, message) => {
    const chains = createRecordingChainClient()
    const review = await validateWorkload(request({ object } as Partial<AdmissionRequest>), chains)
    expect(review).toMatchObject({ result: 'refused', message })
    expect(chains.recorded).toEqual([])
  })

  test('everything while the control plane is away', async () => {
    const chains = createRecordingChainClient()
    chains.failure = new Fault('decision_unavailable', 'away')
    await expect(validateWorkload(request({}), chains)).rejects.toThrow('away')
  })
})

describe('isWorkload()', () => {
  test.each<[string, string, string, string, AdmissionRequest['operation'], boolean]>([
    ['a new Deployment', 'apps', 'deployments', '', 'CREATE', true],
    ['a changed CronJob', 'batch', 'cronjobs', '', 'UPDATE', true],
    ['a ReplicationController', '', 'replicationcontrollers', '', 'CREATE', true],
    ['a template that is kept', 'apps', 'controllerrevisions', '', 'CREATE', true],
    ['a status', 'apps', 'statefulsets', 'status', 'UPDATE', true],
    ['a scale', 'apps', 'deployments', 'scale', 'UPDATE', false],
    ['a deleted Job', 'batch', 'jobs', '', 'DELETE', false],
    ['a Deployment of somebody else', 'x.example', 'deployments', '', 'CREATE', false],
    ['a Secret', '', 'secrets', '', 'CREATE', false],
  ])('%s', (_name, group, resource, subresource, operation, want) => {
    const kind = { group, version: 'v1', kind: 'X' }
    expect(isWorkload(request({ kind, resource, subresource, operation }))).toBe(want)
  })
})
