import { describe, expect, test } from 'vitest'
import { codeDigest, unseenParts } from './code-digest.ts'

const TYPE = 'apps/ReplicaSet'
const owner = { kind: 'Deployment', name: 'web', uid: 'd', controller: true }
const image = (name: string) => ({ spec: { containers: [{ name: 'a', image: name }] } })

function aReplicaSet(parts: {
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
  readonly owners?: readonly unknown[]
  readonly spec?: Record<string, unknown>
}) {
  const { labels = { app: 'web' }, annotations = {}, owners = [owner], spec = {} } = parts
  return {
    metadata: { name: 'web-1', labels, annotations, ownerReferences: owners },
    spec: { replicas: 1, selector: {}, template: image('one'), ...spec },
  }
}

const seen = [codeDigest(TYPE, aReplicaSet({}))]

describe('codeDigest() and unseenParts()', () => {
  test.each<[string, Parameters<typeof aReplicaSet>[0], readonly string[]]>([
    ['the same', {}, []],
    ['another image', { spec: { template: image('two') } }, ['spec']],
    ['another number of pods', { spec: { replicas: 9 } }, []],
    ['a field that is null', { spec: { nothing: null } }, []],
    ['another label', { labels: { app: 'db' } }, ['labels']],
    [
      'another revision, which controllers write',
      { annotations: { 'deployment.kubernetes.io/revision': '7' } },
      [],
    ],
    ['another controller', { owners: [{ ...owner, uid: 'e' }] }, ['controller']],
    ['no controller', { owners: [] }, []],
    ['an owner that does not control', { owners: [owner, { uid: 'x' }] }, []],
    [
      'everything',
      { spec: { template: image('two') }, labels: {}, owners: [{ ...owner, uid: 'e' }] },
      ['spec', 'labels', 'controller'],
    ],
  ])('of an object with %s', (_what, parts, unseen) => {
    expect(unseenParts(codeDigest(TYPE, aReplicaSet(parts)), seen)).toEqual(unseen)
  })

  test('do not depend on the order of fields', () => {
    const { metadata, spec } = aReplicaSet({})
    const turned = { spec: Object.fromEntries(Object.entries(spec).reverse()), metadata }
    expect(codeDigest(TYPE, turned)).toBe(seen[0])
  })

  test('do not see a restart by kubectl', () => {
    const annotated = { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } }
    const plain = { metadata: { annotations: {} } }
    const [one, other] = [annotated, plain].map((template) =>
      codeDigest(TYPE, aReplicaSet({ spec: { template: { ...template, ...image('one') } } })),
    )
    expect(one).toBe(other)
  })

  test('know parts that were seen apart, and nothing of no codes', () => {
    const other = codeDigest(TYPE, aReplicaSet({ spec: { template: image('two') }, labels: {} }))
    const mixed = codeDigest(TYPE, aReplicaSet({ labels: {} }))
    expect(unseenParts(mixed, [...seen, other])).toEqual([])
    expect(unseenParts(mixed, [])).toEqual(['spec', 'labels', 'controller'])
    expect(unseenParts('', seen)).toEqual([])
  })
})
