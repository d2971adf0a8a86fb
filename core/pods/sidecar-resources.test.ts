import { describe, expect, test } from 'vitest'
import { aContainer, aPod, SIDECAR } from '../../test/support/pod-builders.ts'
import type { LimitRangeItem, NamespaceLimits } from './namespace-limits.ts'
import { NO_LIMITS } from './namespace-limits.ts'
import type { Resources } from './pod.ts'
import {
  isResourceAnnotation,
  sidecarResources,
  whyNotResources,
  whyTooLittle,
} from './sidecar-resources.ts'

const FITS = {
  requests: { cpu: '100m', memory: '256Mi' },
  limits: { cpu: '200m', memory: '256Mi' },
}
const EQUAL = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }
const podOf = (...resources: readonly Resources[]) =>
  aPod({
    containers: resources.map((one, index) => aContainer({ name: `c${index}`, resources: one })),
  })
const container = (item: Omit<LimitRangeItem, 'type'>): NamespaceLimits => ({
  ...NO_LIMITS,
  limitRanges: [{ type: 'Container', ...item }],
})
const whole = (item: Omit<LimitRangeItem, 'type'>): NamespaceLimits => ({
  ...NO_LIMITS,
  limitRanges: [{ type: 'Pod', ...item }],
})
const quota = (...quotas: readonly string[]): NamespaceLimits => ({ ...NO_LIMITS, quotas })
const USUAL = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '160Mi' } }

describe('sidecarResources() asks', () => {
  test.each<[string, NamespaceLimits, Resources]>([
    ['what the installation says, where nobody asks for more', NO_LIMITS, USUAL],
    [
      'for none of an extended resource that is bounded, and says nothing of others',
      container({ max: { 'example.com/gpu': '1', 'hugepages-2Mi': '4Mi' } }),
      {
        requests: { ...USUAL.requests, 'example.com/gpu': '0' },
        limits: { ...USUAL.limits, 'example.com/gpu': '0' },
      },
    ],
    [
      'for nothing of an extended resource that only a pod is bounded in',
      whole({ max: { 'example.com/gpu': '1' } }),
      USUAL,
    ],
    [
      'for a minimum',
      container({ min: { cpu: '50m', memory: '200Mi' } }),
      { requests: { cpu: '50m', memory: '200Mi' }, limits: { memory: '200Mi' } },
    ],
    [
      'for a limit where there is a maximum',
      container({ max: { cpu: '1' } }),
      { ...USUAL, limits: { cpu: '500m', memory: '160Mi' } },
    ],
    [
      'for no more than a maximum',
      container({ max: { cpu: '300m', memory: '128Mi' } }),
      { ...USUAL, limits: { cpu: '300m', memory: '128Mi' } },
    ],
    [
      'for what it needs where a maximum is too small, for kube-apiserver to refuse',
      container({ max: { cpu: '20m', memory: '32Mi' } }),
      {
        requests: { cpu: '10m', memory: '32Mi' },
        limits: { cpu: '100m', memory: '96Mi' },
      },
    ],
    [
      'for a request by the ratio of memory',
      container({ maxLimitRequestRatio: { memory: '2' } }),
      { requests: { cpu: '10m', memory: '80Mi' }, limits: { memory: '160Mi' } },
    ],
    [
      'for a small limit by the ratio of CPU',
      container({ maxLimitRequestRatio: { cpu: '4' } }),
      { requests: { cpu: '25m', memory: '64Mi' }, limits: { cpu: '100m', memory: '160Mi' } },
    ],
    [
      'within a ratio that is no whole number',
      container({ maxLimitRequestRatio: { memory: '1.5' } }),
      { requests: { cpu: '10m', memory: '111848107' }, limits: { memory: '160Mi' } },
    ],
    [
      'for a limit where a quota counts limits',
      quota('limits.cpu', 'requests.cpu', 'limits.memory', 'pods'),
      { ...USUAL, limits: { cpu: '500m', memory: '160Mi' } },
    ],
    [
      'for storage where a quota counts it',
      quota('limits.ephemeral-storage'),
      {
        requests: { ...USUAL.requests, 'ephemeral-storage': '16Mi' },
        limits: { memory: '160Mi', 'ephemeral-storage': '128Mi' },
      },
    ],
    [
      'for the request of storage alone',
      quota('requests.ephemeral-storage'),
      { ...USUAL, requests: { ...USUAL.requests, 'ephemeral-storage': '16Mi' } },
    ],
    [
      'for what is left of the pod',
      whole({ max: { cpu: '500m', memory: '400Mi' } }),
      { ...USUAL, limits: { cpu: '300m', memory: '144Mi' } },
    ],
    [
      'for as much as it may take where the pod has a ratio',
      whole({ maxLimitRequestRatio: { memory: '1' } }),
      { requests: { cpu: '10m', memory: '160Mi' }, limits: { memory: '160Mi' } },
    ],
    [
      'what the namespace says',
      {
        ...NO_LIMITS,
        annotations: {
          'lanyard.dev/sidecar-cpu-limit': '1',
          'lanyard.dev/sidecar-memory-request': '128Mi',
        },
      },
      { requests: { cpu: '10m', memory: '128Mi' }, limits: { cpu: '1', memory: '160Mi' } },
    ],
    [
      'nothing of a type that it is not',
      { ...NO_LIMITS, limitRanges: [{ type: 'PersistentVolumeClaim', min: { storage: '1Gi' } }] },
      USUAL,
    ],
  ])('%s', (_name, limits, want) => {
    expect(sidecarResources(podOf(FITS), SIDECAR, limits)).toEqual(want)
  })

  test("what the pod says before the namespace's word", () => {
    const pod = aPod({}, { annotations: { 'lanyard.dev/sidecar-cpu-request': '50m' } })
    const limits = { ...NO_LIMITS, annotations: { 'lanyard.dev/sidecar-cpu-request': '20m' } }
    expect(sidecarResources(pod, SIDECAR, limits).requests).toMatchObject({ cpu: '50m' })
  })
})

describe('sidecarResources() keeps the class of a pod', () => {
  const guaranteed = {
    requests: { cpu: '200m', memory: '160Mi' },
    limits: { cpu: '200m', memory: '160Mi' },
  }
  test.each<[string, readonly Resources[], Resources]>([
    ['that is Guaranteed', [EQUAL, EQUAL], guaranteed],
    ['whose requests are its limits by default', [{ limits: EQUAL.limits }], guaranteed],
    ['of which one container is not', [EQUAL, FITS], USUAL],
    ['of which one container says nothing', [EQUAL, {}], USUAL],
    ['that limits CPU alone', [{ limits: { cpu: '1' }, requests: { cpu: '1' } }], USUAL],
    ['that has limits of nothing', [{ limits: { cpu: '0', memory: '0' } }], USUAL],
  ])('%s', (_name, resources, want) => {
    expect(sidecarResources(podOf(...resources), SIDECAR, NO_LIMITS)).toEqual(want)
  })

  test('that says as a whole what it takes, by that', () => {
    const pod = podOf(EQUAL)
    const { spec } = pod
    const resources = sidecarResources(
      { ...pod, spec: { ...spec, resources: EQUAL } },
      SIDECAR,
      NO_LIMITS,
    )
    expect(resources).toEqual(USUAL)
  })

  test('whatever an earlier sidecar took', () => {
    const pod = podOf(EQUAL)
    const initContainers = [aContainer({ name: 'lanyard-sidecar', resources: USUAL })]
    const again = { ...pod, spec: { ...pod.spec, initContainers } }
    expect(sidecarResources(again, SIDECAR, NO_LIMITS)).toEqual(guaranteed)
  })
})

describe('whyNotResources()', () => {
  test.each([
    [{}],
    [{ 'lanyard.dev/sidecar-memory-limit': '96Mi' }],
    [{ 'lanyard.dev/sidecar-memory-limit': '1Gi' }],
    [{ 'lanyard.dev/sidecar-cpu-request': '0' }],
  ])('takes %j', (annotations) => {
    expect(whyNotResources(annotations, SIDECAR)).toBeUndefined()
  })

  test.each([
    ['lanyard.dev/sidecar-memory-limit', '95Mi', '96Mi to 1Gi'],
    ['lanyard.dev/sidecar-memory-limit', '2Gi', '96Mi to 1Gi'],
    ['lanyard.dev/sidecar-memory-request', 'much', '0 to 1Gi'],
    ['lanyard.dev/sidecar-cpu-limit', '50m', '100m to 2'],
    ['lanyard.dev/sidecar-cpu-request', '', '0 to 2'],
    ['lanyard.dev/sidecar-cpu-request', '-1', '0 to 2'],
  ])('says what to write for %s of %j', (key, value, range) => {
    expect(whyNotResources({ [key]: value }, SIDECAR)).toBe(
      `the annotation ${key} is ${JSON.stringify(value)}; write an amount from ${range}`,
    )
  })
})

test.each<[Resources | undefined, string | undefined]>([
  [undefined, undefined],
  [{ limits: { memory: '96Mi', cpu: '100m' } }, undefined],
  [{ limits: { memory: '95Mi' } }, 'resources.limits.memory is below 96Mi'],
  [{ limits: { cpu: '10m' } }, 'resources.limits.cpu is below 100m'],
])('whyTooLittle() of %j is %j', (resources, want) => {
  expect(whyTooLittle(resources, SIDECAR)).toBe(want)
})

test.each([
  ['lanyard.dev/sidecar-cpu-limit', true],
  ['lanyard.dev/chain', false],
  ['sidecar-cpu-limit', false],
])('isResourceAnnotation() of %s is %s', (key, want) => {
  expect(isResourceAnnotation(key)).toBe(want)
})
