import { describe, expect, test } from 'vitest'
import { GUARDS } from '../../core/policy/guard-names.ts'
import { parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import { NAMESPACES, REQUESTER, suiteObjects, suitePod } from './suite-objects.ts'

interface KubernetesObject {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly namespace?: string
  }
}

const { items } = suiteObjects() as { readonly items: readonly KubernetesObject[] }
const ofKind = (kind: string) => items.filter((item) => item.kind === kind)

describe('suiteObjects()', () => {
  test('has a valid policy that lifts every guard for the requester', () => {
    const [policy] = ofKind('AccessPolicy')
    expect(parseAccessPolicy(policy)).toMatchObject({
      ok: true,
      policy: {
        subjects: [{ kind: 'User', name: REQUESTER }],
        rules: [{ effect: 'Allow', lifts: Object.keys(GUARDS) }],
      },
    })
  })

  test('opts in the namespace of one way alone', () => {
    const optedIn = ofKind('Namespace').filter(
      ({ metadata }) => metadata.labels?.['lanyard.dev/injection'] === 'enabled',
    )
    expect(optedIn.map(({ metadata }) => metadata.name)).toEqual([NAMESPACES.sidecar])
  })
})

test.each(['direct', 'sidecar'] as const)(
  'suitePod() is the same but for its namespace: %s',
  (way) => {
    const pod = suitePod(way, 'true') as KubernetesObject & { readonly spec: object }
    expect(pod.metadata.namespace).toBe(NAMESPACES[way])
    expect(pod.spec).toEqual((suitePod('direct', 'true') as { readonly spec: object }).spec)
  },
)

test('suitePod() is not evicted from a node that is late', () => {
  expect(suitePod('sidecar', 'true')).toMatchObject({
    spec: { tolerations: [{ operator: 'Exists' }] },
  })
})
