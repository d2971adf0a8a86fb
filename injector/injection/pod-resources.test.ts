import { describe, expect, test } from 'vitest'
import type { Container, PodSpec, Resources } from '../../core/pods/pod.ts'
import { aContainer, aPod } from '../../test/support/pod-builders.ts'
import { withRoomForAll } from './pod-resources.ts'

const asks = (cpu: string, memory: string, fields: Partial<Container> = {}): Container =>
  aContainer({ resources: { requests: { cpu, memory } }, ...fields })
const sidecar = asks('10m', '64Mi', {
  name: 'lanyard-sidecar',
  restartPolicy: 'Always',
  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '160Mi' } },
})
const room = (resources: Resources | undefined, spec: Partial<PodSpec>): Resources | undefined =>
  withRoomForAll(
    aPod({
      initContainers: [sidecar],
      ...spec,
      ...(resources === undefined ? {} : { resources }),
    }).spec,
  ).resources

describe('withRoomForAll()', () => {
  test('says nothing where the pod says nothing', () => {
    expect(room(undefined, { containers: [asks('1', '1Gi')] })).toBeUndefined()
    expect(room({}, { containers: [asks('1', '1Gi')] })).toEqual({})
    expect(room({ requests: { cpu: '2' } }, { containers: [asks('1', '1Gi')] })).toEqual({
      requests: { cpu: '2' },
    })
  })

  test('adds the sidecar to what is just enough for the containers', () => {
    const requests = { cpu: '150m', memory: '192Mi' }
    expect(
      room({ requests }, { containers: [asks('100m', '128Mi'), asks('50m', '64Mi')] }),
    ).toEqual({
      requests: { cpu: '160m', memory: '256Mi' },
    })
  })

  test('leaves what has room, in its own spelling', () => {
    const requests = { cpu: '0.5', memory: '1024Mi', 'example.com/x': '1' }
    expect(room({ requests }, { containers: [asks('100m', '128Mi')] })).toEqual({ requests })
  })

  test('raises a limit to what the sidecar is limited to, and to what is requested', () => {
    const tight = { cpu: '100m', memory: '100Mi' }
    expect(
      room({ requests: tight, limits: tight }, { containers: [asks('100m', '100Mi')] }),
    ).toEqual({
      requests: { cpu: '110m', memory: '164Mi' },
      limits: { cpu: '110m', memory: '164Mi' },
    })
    expect(room({ limits: { memory: '32Mi' } }, { containers: [aContainer()] })).toEqual({
      limits: { memory: '160Mi' },
    })
  })

  test('leaves a Guaranteed pod Guaranteed: requests are raised to the limits', () => {
    const containers = [aContainer()]
    const tight = { cpu: '100m', memory: '128Mi' }
    const raised = { cpu: '100m', memory: '160Mi' }
    expect(room({ requests: tight, limits: tight }, { containers })).toEqual({
      requests: raised,
      limits: raised,
    })
    const spelled = { cpu: '0.1', memory: '0.125Gi', 'example.com/x': '1' }
    expect(room({ requests: tight, limits: spelled }, { containers })).toEqual({
      requests: raised,
      limits: { ...spelled, memory: '160Mi' },
    })
    const loose = { cpu: '200m', memory: '128Mi' }
    expect(room({ requests: tight, limits: loose }, { containers })).toEqual({
      requests: tight,
      limits: { cpu: '200m', memory: '160Mi' },
    })
  })

  test('counts init containers one by one, beside the native sidecars before them', () => {
    const initContainers = [
      sidecar,
      asks('200m', '1Gi', { name: 'setup' }),
      asks('20m', '16Mi', { name: 'native', restartPolicy: 'Always' }),
      asks('300m', '32Mi', { name: 'last' }),
    ]
    const requests = { cpu: '1m', memory: '1Mi' }
    expect(room({ requests }, { initContainers, containers: [asks('40m', '64Mi')] })).toEqual({
      requests: { cpu: '330m', memory: '1088Mi' },
    })
  })

  test('leaves to kube-apiserver what is no quantity', () => {
    const resources = { requests: { cpu: 'much' } }
    expect(room(resources, { containers: [asks('all', '1')] })).toEqual(resources)
  })
})
