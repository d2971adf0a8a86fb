import { describe, expect, test } from 'vitest'
import { aContainer, aPod } from '../../test/support/pod-builders.ts'
import { handProjectedTokens, isOwnFolderMount } from './hand-projected-token.ts'
import type { VolumeMount, VolumeSource } from './pod.ts'

const USUAL = '/var/run/secrets/kubernetes.io/serviceaccount'
const TOKEN = { serviceAccountToken: { path: 'token', expirationSeconds: 3_600 } }
const ROOT = { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } }
const NAMESPACE = {
  downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] },
}
const WHOLE = [TOKEN, ROOT, NAMESPACE]
const at = (mountPath: string, fields: Partial<VolumeMount> = {}) => ({
  name: 'v',
  mountPath,
  ...fields,
})
const found = (sources: readonly VolumeSource[], ...mounts: readonly VolumeMount[]) =>
  handProjectedTokens(
    aPod({
      volumes: [{ name: 'v', projected: { sources } }],
      containers: [aContainer({ name: 'app', volumeMounts: mounts })],
    }).spec,
  )

describe('handProjectedTokens()', () => {
  test.each<[string, readonly VolumeSource[], readonly VolumeMount[]]>([
    ['whole, where clients look', WHOLE, [at(USUAL)]],
    ['a token alone, where clients look', [TOKEN], [at(`${USUAL}/`)]],
    ['whole, at a path of its own', WHOLE, [at('/etc/cluster', { readOnly: true })]],
    ['a token and the authority, at a path of its own', [TOKEN, ROOT], [at('/tokens')]],
    ['where /var/run is a link', WHOLE, [at('/run/secrets/kubernetes.io/serviceaccount')]],
    ['at both', WHOLE, [at(USUAL), at('/tokens')]],
    ['merged with ours by a second apply', WHOLE, [at('/t', { subPath: 'containers/app' })]],
  ])('finds one that is %s', (_name, sources, mounts) => {
    expect(found(sources, ...mounts)).toEqual(['v'])
  })

  test.each<[string, readonly VolumeSource[], readonly VolumeMount[]]>([
    ['mounted nowhere', WHOLE, []],
    ['a token alone elsewhere, perhaps for somebody else', [TOKEN], [at('/vault')]],
    ['a token with the namespace alone', [TOKEN, NAMESPACE], [at('/vault')]],
    ['a token alone at both', [TOKEN], [at(USUAL), at('/vault')]],
    ['a single file of it', WHOLE, [at('/token', { subPath: 'token' })]],
    ["another container's folder", WHOLE, [at('/t', { subPath: 'containers/other' })]],
    ['a file by an expression', WHOLE, [at('/t', { subPathExpr: '$(A)' })]],
    [
      'another file name',
      [{ serviceAccountToken: { path: 'jwt' } }, ROOT, NAMESPACE],
      [at('/tokens')],
    ],
    ['with another ConfigMap', [TOKEN, { configMap: { name: 'x' } }], [at('/tokens')]],
    ['with a Secret', [...WHOLE, { secret: { name: 's' } }], [at(USUAL)]],
    [
      'for another audience',
      [{ serviceAccountToken: { path: 'token', audience: 'vault' } }, ROOT],
      [at('/tokens')],
    ],
  ])('finds none that is %s', (_name, sources, mounts) => {
    expect(found(sources, ...mounts)).toEqual([])
  })
})

describe('isOwnFolderMount()', () => {
  const own = { name: 'lanyard-run', mountPath: '/t', subPath: 'containers/app', readOnly: true }
  test.each<[string, VolumeMount, boolean]>([
    ['its own folder', own, true],
    ["another container's", { ...own, subPath: 'containers/log' }, false],
    ['the whole volume', { name: 'lanyard-run', mountPath: '/t', readOnly: true }, false],
    ['one that may be written', { ...own, readOnly: false }, false],
    ['one with an expression', { ...own, subPathExpr: 'containers/app' }, false],
    ["the sidecar's token", { ...own, name: 'lanyard-api-token' }, false],
  ])('knows %s', (_name, mount, expected) => {
    expect(isOwnFolderMount({ name: 'app' }, mount)).toBe(expected)
  })
})
