import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import type { Container } from '../../core/pods/pod.ts'
import { aContainer, anAdmissionRequest, aPod, SIDECAR } from '../../test/support/pod-builders.ts'
import {
  createRecordingChainClient,
  type RecordingChainClient,
} from '../../test/support/recording-chain-client.ts'
import type { Review } from '../admission/admission-review.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { validateEphemeral } from './review-ephemeral.ts'

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

let chains: RecordingChainClient
beforeEach(() => {
  chains = createRecordingChainClient()
})

const debugging = (...ephemeralContainers: Container[]): Promise<Review> => {
  const oldObject = injectSidecar(aPod(), SIDECAR, {})
  const object = { ...oldObject, spec: { ...oldObject.spec, ephemeralContainers } }
  const about = { operation: 'UPDATE', subresource: 'ephemeralcontainers' } as const
  return validateEphemeral(anAdmissionRequest({ ...about, object, oldObject }), chains)
}

describe('validateEphemeral() refuses an ephemeral container that', () => {
  test.each<[string, Partial<Container>, RegExp]>([
    ['targets the sidecar', { targetContainerName: 'lanyard-sidecar' }, /reaches into/],
    ['takes the name of the sidecar', { name: 'lanyard-sidecar' }, /reaches into/],
    [
      'mounts the real token',
      { volumeMounts: [{ name: 'lanyard-api-token', mountPath: '/x' }] },
      /the ephemeral container debug mounts Lanyard's volume lanyard-api-token/,
    ],
    [
      'mounts the folder of another container where clients look',
      { volumeMounts: [{ name: 'lanyard-run', mountPath: FOLDER, subPath: 'containers/app' }] },
      /mounts Lanyard's volume lanyard-run/,
    ],
    [
      'reads a file of ours into its environment',
      { env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName: 'lanyard-run' } } }] },
      /mounts Lanyard's volume lanyard-run/,
    ],
    ['is privileged', { securityContext: { privileged: true } }, /is privileged/],
    [
      'may turn packets, as the profile netadmin does',
      { securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } } },
      /NET_ADMIN, with which .* can be read and redirected; use kubectl debug with the profile general/,
    ],
    [
      'may read packets, by the other spelling',
      { securityContext: { capabilities: { add: ['CAP_NET_RAW'] } } },
      /the capability NET_RAW/,
    ],
    [
      'may everything',
      { securityContext: { capabilities: { add: ['ALL'] } } },
      /the capability ALL/,
    ],
    [
      'may load modules',
      { securityContext: { capabilities: { add: ['SYS_MODULE'] } } },
      /adds the capability SYS_MODULE/,
    ],
    [
      'may trace processes, and targets the sidecar',
      {
        targetContainerName: 'lanyard-sidecar',
        securityContext: { capabilities: { add: ['SYS_PTRACE'] } },
      },
      /target another container, or none/,
    ],
    ["runs as the sidecar's user", { securityContext: { runAsUser: 7_777 } }, /uid 7777/],
  ])('%s', async (_name, fields, message) => {
    const review = await debugging(
      aContainer({ name: 'fine' }),
      aContainer({ name: 'debug', ...fields }),
    )
    expect(review).toMatchObject({ result: 'refused', message: expect.stringMatching(message) })
    expect(chains.visits).toEqual([])
  })
})

describe('validateEphemeral() allows', () => {
  test.each<[string, Partial<Container>]>([
    ['a shell in the pod', {}],
    ['a shell beside an app container', { targetContainerName: 'app' }],
    [
      'what the profile general adds, beside an app container',
      {
        targetContainerName: 'app',
        securityContext: { capabilities: { add: ['SYS_PTRACE'] } },
      },
    ],
    [
      'what the profile restricted says',
      {
        securityContext: {
          ...{ runAsNonRoot: true, allowPrivilegeEscalation: false },
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
    ['a volume of the app', { volumeMounts: [{ name: 'work', mountPath: '/work' }] }],
  ])('%s, and puts on record who added it', async (_name, fields) => {
    const review = await debugging(aContainer({ name: 'debug', ...fields }))
    expect(review).toEqual({ result: 'allowed' })
    const { name, uid } = aPod().metadata
    expect(chains.visits).toEqual([{ podName: name, podUid: uid, kind: 'ephemeralcontainers' }])
  })

  test('an update that adds none, of whom nothing is put on record', async () => {
    expect(await debugging()).toEqual({ result: 'allowed' })
    expect(chains.visits).toEqual([])
  })

  test('nothing while whoever adds it cannot be put on record', async () => {
    chains.failure = new Fault('decision_unavailable', 'away')
    await expect(debugging(aContainer({ name: 'debug' }))).rejects.toThrow('away')
  })
})
