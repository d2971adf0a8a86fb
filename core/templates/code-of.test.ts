import {
  V1Container,
  V1CronJobSpec,
  V1DaemonSetSpec,
  V1DeploymentSpec,
  V1JobSpec,
  V1PodSpec,
  V1ReplicaSetSpec,
  V1ReplicationControllerSpec,
  V1StatefulSetSpec,
} from '@kubernetes/client-node'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnyWorkload, codeOf } from './code-of.ts'
import type { FieldRules } from './field-rule.ts'
import { createNeutralKeyCheck, NEUTRAL_KEYS } from './neutral-keys.ts'
import { CONTAINER_FIELDS, POD_FIELDS } from './pod-fields.ts'
import { SPEC_FIELDS } from './workload-fields.ts'

const isNeutral = createNeutralKeyCheck(NEUTRAL_KEYS)
const podSpec = { serviceAccountName: 'agent', containers: [{ name: 'app', image: 'a:1' }] }
const template = { metadata: { labels: { app: 'web' } }, spec: podSpec }
const web = { metadata: { name: 'web' }, spec: { replicas: 1, selector: {}, template } }

type Json = Record<string, unknown>

/** The object with another value at a path; `containers.0` is the first container. */
function withValue(object: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  const copy: Json = Array.isArray(object) ? (object.slice() as never) : { ...(object as Json) }
  copy[step] = withValue(copy[step] ?? {}, rest, value)
  return copy
}

const POD = ['spec', 'template', 'spec']
const CONTAINER = [...POD, 'containers', 0]
const sameCode = (
  type: string,
  path: readonly (string | number)[],
  value: unknown,
  from: unknown = web,
) => {
  const one = codeOf(type, from as AnyWorkload, isNeutral)
  const other = codeOf(type, withValue(from, path, value) as AnyWorkload, isNeutral)
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Names of a table, by what they choose. */
const names = (rules: FieldRules, choosesCode: boolean) =>
  Object.keys(rules).filter((name) => rules[name]?.choosesCode === choosesCode)

describe('codeOf() knows every field of Kubernetes', () => {
  const baseNames = (model: { getAttributeTypeMap(): { baseName: string }[] }) =>
    model
      .getAttributeTypeMap()
      .map(({ baseName }) => baseName)
      .sort()
  /** What v1.37 has, and the client's models, which are of v1.36, have not yet. */
  const later: Readonly<Record<string, readonly string[]>> = {
    'a pod': ['evictionResponders'],
    'a Job': ['scheduling'],
  }
  test.each<[string, FieldRules, Parameters<typeof baseNames>[0]]>([
    ['a pod', POD_FIELDS, V1PodSpec],
    ['a container', CONTAINER_FIELDS, V1Container],
    ['a Deployment', SPEC_FIELDS['apps/Deployment'] ?? {}, V1DeploymentSpec],
    ['a ReplicaSet', SPEC_FIELDS['apps/ReplicaSet'] ?? {}, V1ReplicaSetSpec],
    ['a StatefulSet', SPEC_FIELDS['apps/StatefulSet'] ?? {}, V1StatefulSetSpec],
    ['a DaemonSet', SPEC_FIELDS['apps/DaemonSet'] ?? {}, V1DaemonSetSpec],
    ['a Job', SPEC_FIELDS['batch/Job'] ?? {}, V1JobSpec],
    ['a CronJob', SPEC_FIELDS['batch/CronJob'] ?? {}, V1CronJobSpec],
    [
      'a ReplicationController',
      SPEC_FIELDS['/ReplicationController'] ?? {},
      V1ReplicationControllerSpec,
    ],
  ])('of %s', (name, rules, model) => {
    const wanted = new Set([...baseNames(model), ...(later[name] ?? [])])
    expect(Object.keys(rules).sort()).toEqual([...wanted].sort())
  })
})

describe('codeOf() is the same', () => {
  const value = fc.jsonValue()
  const amounts = fc.dictionary(fc.constantFrom('cpu', 'memory', 'ephemeral-storage'), fc.string())

  test('whatever a field of the list holds that chooses nothing', () => {
    const podField = names(POD_FIELDS, false).filter((name) => name !== 'resources')
    const containerField = names(CONTAINER_FIELDS, false).filter((name) => name !== 'resources')
    const where = fc.oneof(
      fc.constantFrom(...podField).map((name) => [...POD, name]),
      fc.constantFrom(...containerField).map((name) => [...CONTAINER, name]),
      fc
        .constantFrom(...names(SPEC_FIELDS['apps/Deployment'] ?? {}, false))
        .map((name) => ['spec', name]),
      fc
        .constantFrom(...['annotations', 'labels'])
        .map((map) => ['spec', 'template', 'metadata', map, 'kubectl.kubernetes.io/restartedAt']),
      fc
        .constantFrom(...['annotations', 'labels', 'finalizers', 'resourceVersion'])
        .map((name) => ['metadata', name]),
      fc.constant(['status']),
    )
    fc.assert(fc.property(where, value, (path, any) => sameCode('apps/Deployment', path, any)))
  })

  test('however much processor and memory there is', () => {
    const where = fc.constantFrom([...POD, 'resources'], [...CONTAINER, 'resources'])
    const resources = fc.record({ requests: amounts, limits: amounts }, { requiredKeys: [] })
    fc.assert(fc.property(where, resources, (path, any) => sameCode('apps/Deployment', path, any)))
  })

  test('for every key of a prefix that is on the list', () => {
    const path = ['spec', 'template', 'metadata', 'labels', 'kueue.x-k8s.io/podset']
    expect(sameCode('batch/Job', path, 'x')).toBe(true)
  })

  test('when a Job of a CronJob is queued, scaled or placed', () => {
    const cron = { metadata: { name: 'c' }, spec: { jobTemplate: { spec: { template } } } }
    const job = ['spec', 'jobTemplate']
    const changes: readonly (readonly string[])[] = [
      ['spec', 'schedule'],
      [...job, 'metadata', 'labels', 'kueue.x-k8s.io/queue-name'],
      [...job, 'spec', 'parallelism'],
      [...job, 'spec', 'template', 'spec', 'nodeSelector'],
    ]
    expect(changes.map((path) => sameCode('batch/CronJob', path, 'x', cron))).toEqual(
      changes.map(() => true),
    )
  })
})

describe('codeOf() differs', () => {
  // No real value of these tables looks so.
  const other = fc.jsonValue().map((any) => ({ changed: any }))
  const unknown = fc.string({ minLength: 1 }).filter((name) => name !== '__proto__')

  test.each(['apps/Deployment', 'apps/StatefulSet', 'batch/Job', 'example.com/Unknown'])(
    'for every other field of a %s, known or not',
    (type) => {
      const known = (rules: FieldRules) => (name: string) =>
        !Object.hasOwn(rules, name) || rules[name]?.choosesCode === true
      const rules = SPEC_FIELDS[type] ?? {}
      const where = fc.oneof(
        fc
          .oneof(unknown, fc.constantFrom(...names(POD_FIELDS, true)))
          .filter(known(POD_FIELDS))
          .map((name) => [...POD, name]),
        fc
          .oneof(unknown, fc.constantFrom(...names(CONTAINER_FIELDS, true)))
          .filter(known(CONTAINER_FIELDS))
          .map((name) => [...CONTAINER, name]),
        unknown.filter(known(rules)).map((name) => ['spec', name]),
        fc
          .constantFrom(...names({ selector: { choosesCode: true, reason: '' }, ...rules }, true))
          .map((name) => ['spec', name]),
        unknown
          .filter((key) => !isNeutral(key))
          .map((key) => ['spec', 'template', 'metadata', 'annotations', key]),
        unknown
          .filter((key) => !isNeutral(key))
          .map((key) => ['spec', 'template', 'metadata', 'labels', key]),
      )
      fc.assert(fc.property(where, other, (path, any) => !sameCode(type, path, any)))
    },
  )

  test.each<[string, readonly (string | number)[], unknown]>([
    ['a device', [...CONTAINER, 'resources'], { limits: { 'nvidia.com/gpu': '1' } }],
    ['a claim', [...CONTAINER, 'resources'], { claims: [{ name: 'x' }] }],
    ['a device of the pod', [...POD, 'resources'], { requests: { 'x/y': '1' } }],
    ['resources that are none', [...CONTAINER, 'resources'], 'all'],
    ['another container', [...POD, 'containers', 1], { name: 'b' }],
    ['a name of the template', ['spec', 'template', 'metadata', 'name'], 'x'],
    ['a field beside the own of the template', ['spec', 'template', 'more'], 'x'],
    ['a controller', ['metadata', 'ownerReferences'], [{ controller: true, uid: 'x' }]],
    ['an unknown part of the object', ['data'], {}],
    [
      'a key that only begins like one of the list',
      ['spec', 'template', 'metadata', 'annotations', 'kueue.x-k8s.io.evil/x'],
      'x',
    ],
  ])('for %s', (_name, path, value) => {
    expect(sameCode('apps/Deployment', path, value)).toBe(false)
  })
})

test.each<[string, boolean]>([
  ['checksum/config', true],
  ['checksum', false],
  ['checksum/', true],
  ['kubectl.kubernetes.io/restartedAt', true],
  ['kubectl.kubernetes.io/other', false],
  ['vault.hashicorp.com/agent-inject-command', false],
  ['sidecar.istio.io/inject', false],
  ['*', false],
  ['', false],
])('createNeutralKeyCheck() of %s', (key, want) => {
  expect(isNeutral(key)).toBe(want)
})

test('createNeutralKeyCheck() takes no wildcard but a whole prefix', () => {
  const check = createNeutralKeyCheck(['*', '*/x', 'a*/b', '', 'team/*'])
  expect(['anything', 'x/x', 'ab/b', 'team/x', 'team'].map(check)).toEqual([
    false,
    false,
    false,
    true,
    false,
  ])
})
