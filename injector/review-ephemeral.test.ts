import { describe, expect, test } from 'vitest'
import { aContainer, anAdmissionRequest, aPod, SIDECAR } from '../test/support/pod-builders.ts'
import type { Review } from './admission-review.ts'
import { injectSidecar } from './inject-sidecar.ts'
import type { Container } from './pod.ts'
import { validateEphemeral } from './review-ephemeral.ts'

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

const debugging = (...ephemeralContainers: Container[]): Review => {
  const injected = injectSidecar(aPod(), SIDECAR, {})
  const object = { ...injected, spec: { ...injected.spec, ephemeralContainers } }
  return validateEphemeral(
    anAdmissionRequest({ operation: 'UPDATE', subresource: 'ephemeralcontainers', object }),
  )
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
      'may trace processes',
      { securityContext: { capabilities: { add: ['SYS_PTRACE'] } } },
      /adds the capability SYS_PTRACE/,
    ],
    ["runs as the sidecar's user", { securityContext: { runAsUser: 7_777 } }, /uid 7777/],
  ])('%s', (_name, fields, message) => {
    const review = debugging(aContainer({ name: 'fine' }), aContainer({ name: 'debug', ...fields }))
    expect(review).toMatchObject({ result: 'refused', message: expect.stringMatching(message) })
  })
})

describe('validateEphemeral() allows', () => {
  test.each<[string, Partial<Container>]>([
    ['a shell in the pod', {}],
    ['a shell beside an app container', { targetContainerName: 'app' }],
    ['a volume of the app', { volumeMounts: [{ name: 'work', mountPath: '/work' }] }],
  ])('%s', (_name, fields) => {
    expect(debugging(aContainer({ name: 'debug', ...fields }))).toEqual({ result: 'allowed' })
  })

  test('an update that takes none', () => {
    expect(debugging()).toEqual({ result: 'allowed' })
  })
})
