import { expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { judgeJsonPatch } from './judge-json-patch.ts'
import { type MaskName, maskedPlaces } from './mask-rules.ts'

const placesOf = (mask: MaskName, resource: string) =>
  maskedPlaces([mask], aRequest({ resource }), false)
const secrets = placesOf('secret-values', 'secrets')
const maps = placesOf('secret-values', 'configmaps')
const DOCKER = '{"auths":{"a":{}}}'
const pods = placesOf('env-values', 'pods')
const ENV = '/spec/containers/0/env/0/value'

test.each<[string, typeof secrets, object]>([
  ['a test of a value', secrets, { op: 'test', path: '/data/password', value: 'x' }],
  ['a test of all values', secrets, { op: 'test', path: '/data', value: { password: 'x' } }],
  ['a test of the whole', secrets, { op: 'test', path: '', value: {} }],
  ['a test of an annotation', secrets, { op: 'test', path: '/metadata/annotations', value: {} }],
  [
    'a test of what was applied last',
    secrets,
    {
      op: 'test',
      path: '/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration',
      value: '{}',
    },
  ],
  [
    'a copy to where it is shown',
    secrets,
    { op: 'copy', from: '/data/a', path: '/metadata/labels/a' },
  ],
  ['a move of all', secrets, { op: 'move', from: '/data', path: '/other' }],
  ['a copy without a place', secrets, { op: 'copy', path: '/metadata/labels/a' }],
  ['a copy from no text', secrets, { op: 'copy', from: 7, path: '/metadata/labels/a' }],
  ['a test of a file of credentials', maps, { op: 'test', path: '/data/a', value: DOCKER }],
  [
    'a test of such a file in base64',
    maps,
    { op: 'test', path: '/binaryData/a', value: Buffer.from(DOCKER).toString('base64') },
  ],
  ['a test of a release of Helm', maps, { op: 'test', path: '/data/release', value: 'x' }],
  ['a test of a number where a file may be', maps, { op: 'test', path: '/data/a', value: 7 }],
  ['a test of a variable', pods, { op: 'test', path: ENV, value: 'x' }],
  ['a test of a container', pods, { op: 'test', path: '/spec/containers/0', value: {} }],
  ['a copy of a variable', pods, { op: 'copy', from: ENV, path: '/metadata/labels/a' }],
])('judgeJsonPatch() refuses %s', (_name, places, operation) => {
  expect(judgeJsonPatch([{ op: 'add', path: '/a', value: 1 }, operation], places)).toMatch(
    /^\[1\]: /,
  )
})

test.each<[string, typeof secrets, unknown]>([
  ['a new value', secrets, [{ op: 'replace', path: '/data/password', value: 'eA==' }]],
  ['an end', secrets, [{ op: 'remove', path: '/data/password' }]],
  [
    'a test of the version',
    secrets,
    [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }],
  ],
  ['a copy of a label', secrets, [{ op: 'copy', from: '/metadata/labels/a', path: '/x' }]],
  ['a test of a number', pods, [{ op: 'test', path: '/spec/replicas', value: 1 }]],
  ['a test of a value that would be shown', maps, [{ op: 'test', path: '/data/a', value: 'x' }]],
  ['no operation', secrets, []],
  ['what is no patch', secrets, { op: 'test' }],
  ['a test without masks', undefined, [{ op: 'test', path: '/data', value: {} }]],
])('judgeJsonPatch() takes %s', (_name, places, patch) => {
  expect(judgeJsonPatch(patch, places)).toBeUndefined()
})
