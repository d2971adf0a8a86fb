import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  chosenKubernetes,
  DEFAULT_KUBERNETES,
  KUBERNETES_RELEASES,
  KUBERNETES_VERSIONS,
  OLDEST_KUBERNETES,
  parseKubernetesVersion,
} from './kubernetes-versions.ts'

const newest = KUBERNETES_VERSIONS.at(-1) ?? DEFAULT_KUBERNETES

describe('parseKubernetesVersion', () => {
  test.each([
    ['1.30', '1.30'],
    ['v1.30', '1.30'],
    ['1.34', '1.34'],
    [KUBERNETES_RELEASES[newest], newest],
    [`v${KUBERNETES_RELEASES[newest]}`, newest],
  ])('parseKubernetesVersion takes %s for %s', (text, version) => {
    expect(parseKubernetesVersion(text)).toBe(version)
  })

  test.each([
    '',
    '1',
    '1.3',
    '1.33',
    '1.300',
    '1.30.0',
    '1.30.',
    ' 1.30',
    '1.30 ',
    'vv1.30',
    '2.0',
  ])('parseKubernetesVersion refuses "%s" and names those that are known', (text) => {
    expect(() => parseKubernetesVersion(text)).toThrow(
      `There is no Kubernetes "${text}" here; known are 1.30 (1.30.14)`,
    )
    expect(() => parseKubernetesVersion(text)).toThrow(', the default)')
  })

  test.each(['__proto__', 'constructor', 'toString'])(
    'parseKubernetesVersion knows no property of objects: %s',
    (text) => {
      expect(() => parseKubernetesVersion(text)).toThrow('There is no Kubernetes')
    },
  )
})

describe('chosenKubernetes', () => {
  test.each([
    [{}, DEFAULT_KUBERNETES],
    [{ LANYARD_TEST_KUBERNETES: '' }, DEFAULT_KUBERNETES],
    [{ LANYARD_TEST_KUBERNETES: OLDEST_KUBERNETES }, OLDEST_KUBERNETES],
  ])('chosenKubernetes reads %o', (environment, version) => {
    expect(chosenKubernetes(environment)).toBe(version)
  })

  test('chosenKubernetes says where a version that is not known came from', () => {
    expect(() => chosenKubernetes({ LANYARD_TEST_KUBERNETES: '1.99' })).toThrow(
      'LANYARD_TEST_KUBERNETES: There is no Kubernetes "1.99" here',
    )
  })
})

describe('KUBERNETES_RELEASES', () => {
  test.each(KUBERNETES_VERSIONS)(
    'KUBERNETES_RELEASES says for %s what its module file requires, all parts of one release',
    (version) => {
      const release = KUBERNETES_RELEASES[version]
      const text = readFileSync(join(import.meta.dirname, `go/kube/${version}.mod`), 'utf8')
      expect(text).toContain(`k8s.io/kubernetes v${release}\n`)
      const parts = [...text.matchAll(/^\tk8s\.io\/\S+ => k8s\.io\/\S+ (v\S+)$/gm)]
      expect(parts.length).toBeGreaterThan(25)
      expect(new Set(parts.map(([, part]) => part))).toEqual(new Set([`v0.${release.slice(2)}`]))
    },
  )
})
