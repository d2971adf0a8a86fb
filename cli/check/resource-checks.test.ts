import { expect, test } from 'vitest'
import type { Resources } from '../../core/pods/pod.ts'
import { aContainer, aPod, SIDECAR } from '../../test/support/pod-builders.ts'
import { checkResources, type NamespaceRules } from './resource-checks.ts'

const NOTHING: NamespaceRules = { annotations: {}, limitRanges: [], quotas: [] }
const podOf = (resources: Resources = {}, annotations = {}) =>
  aPod({ containers: [aContainer({ resources })] }, { annotations })
const ranges = (...limits: readonly object[]): NamespaceRules => ({
  ...NOTHING,
  limitRanges: [{ metadata: { name: 'limits' }, spec: { limits: limits as never } }],
})
const quota = (hard: Record<string, string>, used = {}, more = {}): NamespaceRules => ({
  ...NOTHING,
  quotas: [{ metadata: { name: 'compute' }, spec: { hard, ...more }, status: { used } }],
})
const check = (rules: NamespaceRules, pod = podOf(), optedIn = false) =>
  checkResources(
    rules,
    [{ what: 'deployment/web', runs: false, pod }],
    [pod, pod, pod],
    SIDECAR,
    optedIn,
  )

test.each<[string, NamespaceRules, string]>([
  [
    'a maximum that is too small',
    ranges({ type: 'Container', max: { memory: '64Mi' } }),
    "deployment/web: the sidecar's limit of memory is at least 96Mi, LimitRange limits lets a container have 64Mi; raise its max.memory",
  ],
  [
    'a pod that the sidecar makes too big',
    ranges(
      { type: 'Pod', max: { memory: '250Mi' } },
      { type: 'Container', default: { memory: '200Mi' } },
    ),
    "deployment/web: the sidecar's limit of memory is at least 96Mi, and LimitRange limits leaves 50Mi beside the pod's own containers; raise its max.memory or lower theirs",
  ],
  [
    'a quota without room',
    quota({ 'limits.memory': '1Gi', pods: '10' }, { 'limits.memory': '700Mi' }),
    'ResourceQuota compute: limits.memory has room for the sidecars of 2 of 3 running pods; raise it from 1Gi to 1180Mi, or annotate the namespace with a smaller lanyard.dev/sidecar-memory-limit',
  ],
  [
    'a quota that is full',
    quota({ cpu: '1' }, { cpu: '1' }),
    'ResourceQuota compute: cpu has room for the sidecars of 0 of 3 running pods; raise it from 1 to 1030m, or annotate the namespace with a smaller lanyard.dev/sidecar-cpu-request',
  ],
])('checkResources() names %s, and says what to do', (_name, rules, want) => {
  expect(check(rules)).toEqual({ result: 'warning', hints: [want] })
})

test.each<[string, NamespaceRules]>([
  ['nothing', NOTHING],
  [
    'what the injector fits',
    ranges({
      type: 'Container',
      max: { memory: '128Mi', cpu: '300m' },
      min: { cpu: '50m' },
      maxLimitRequestRatio: { cpu: '4' },
    }),
  ],
  [
    'a pod that is too big anyway',
    ranges(
      { type: 'Pod', max: { memory: '10Mi' } },
      { type: 'Container', default: { memory: '20Mi' } },
    ),
  ],
  ['a claim', ranges({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } })],
  ['a quota with room to the last byte', quota({ 'limits.memory': '480Mi' })],
  ['a quota of other pods', quota({ memory: '1' }, {}, { scopes: ['BestEffort'] })],
  ['a quota of a priority', quota({ memory: '1' }, {}, { scopeSelector: {} })],
  ['a quota of what no sidecar takes', quota({ pods: '0', 'requests.storage': '1Gi' })],
])('checkResources() has nothing to say of %s', (_name, rules) => {
  expect(check(rules)).toEqual({ result: 'ok' })
})

test('checkResources() is an error where pods are refused already', () => {
  expect(check(ranges({ type: 'Container', max: { memory: '64Mi' } }), podOf(), true).result).toBe(
    'error',
  )
  expect(check(quota({ cpu: '0' }), podOf(), true).result).toBe('warning')
})

test('checkResources() names annotations that cannot be followed', () => {
  const annotations = { 'lanyard.dev/sidecar-cpu-limit': '1m' }
  expect(check({ ...NOTHING, annotations }).hints?.[0]).toMatch(/^the namespace .*from 100m to 2$/)
  expect(check(NOTHING, podOf({}, annotations)).hints?.[0]).toMatch(
    /^deployment\/web: the annotation/,
  )
})
