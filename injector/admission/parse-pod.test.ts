import { describe, expect, test } from 'vitest'
import { aPod } from '../../test/support/pod-builders.ts'
import { controllerOf, parsePod } from './parse-pod.ts'

const { metadata, spec } = aPod()

describe('parsePod()', () => {
  test.each<[string, Readonly<Record<string, unknown>> | undefined]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['no metadata', { spec }],
    ['metadata of null', { metadata: null, spec }],
    ['no spec', { metadata }],
    ['no containers', { metadata, spec: { volumes: [] } }],
    ['containers that are no list', { metadata, spec: { containers: { name: 'a' } } }],
    ['a container without a name', { metadata, spec: { containers: [{ image: 'x' }] } }],
    ['a container that is null', { metadata, spec: { containers: [null] } }],
    ['a container with a number as name', { metadata, spec: { containers: [{ name: 1 }] } }],
    ['init containers that are text', { metadata, spec: { ...spec, initContainers: 'x' } }],
    ['a volume without a name', { metadata, spec: { ...spec, volumes: [{ emptyDir: {} }] } }],
  ])('refuses %s', (_name, object) => {
    expect(() => parsePod(object)).toThrow('The object is not a pod')
  })

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['a pod', { ...aPod() }],
    ['lists of null', { metadata, spec: { ...spec, initContainers: null, volumes: null } }],
  ])('takes %s as it is', (_name, object) => {
    expect(parsePod(object)).toBe(object)
  })
})

describe('controllerOf()', () => {
  const owner = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }
  test.each<[string, unknown, string | undefined]>([
    ['no references', undefined, undefined],
    ['references of null', { ownerReferences: null }, undefined],
    ['references that are no list', { ownerReferences: 'x' }, undefined],
    ['an owner that does not control', { ownerReferences: [owner] }, undefined],
    ['false said aloud', { ownerReferences: [{ ...owner, controller: false }] }, undefined],
    ['text for true', { ownerReferences: [{ ...owner, controller: 'true' }] }, undefined],
    [
      'the one that controls',
      { ownerReferences: [owner, { ...owner, uid: 'c', controller: true }] },
      'c',
    ],
  ])('of %s', (_name, metadata, uid) => {
    expect(controllerOf({ metadata })?.uid).toBe(uid)
  })
})
