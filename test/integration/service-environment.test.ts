import { describe, expect, test } from 'vitest'
import { controlPlaneConfig } from '../../control-plane/config.ts'
import { injectorConfig } from '../../injector/config.ts'
import { injectSidecar } from '../../injector/injection/inject-sidecar.ts'
import { environmentName } from '../../platform/config.ts'
import { sidecarConfig } from '../../sidecar/config.ts'
import { aPod, SIDECAR } from '../support/pod-builders.ts'

/*
 * What kubelet tells each container of the Services in its namespace, which a tenant names. Keep in
 * step with Kubernetes pkg/kubelet/envvars (v1.34).
 */
const OF_A_SERVICE =
  /_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?$/

describe.each([
  ['sidecarConfig', sidecarConfig],
  ['injectorConfig', injectorConfig],
  ['controlPlaneConfig', controlPlaneConfig],
])('%s', (_name, schema) => {
  test('has no setting that a Service of some name would set', () => {
    const names = Object.keys(schema.shape).map((key) => environmentName('LANYARD', key))
    expect(names.length).toBeGreaterThan(5)
    expect(names.filter((name) => OF_A_SERVICE.test(name))).toEqual([])
  })
})

test.each([
  'LANYARD_UPSTREAM_URL_SERVICE_HOST',
  'LANYARD_LISTEN_PORT',
  'LANYARD_LISTEN_PORT_443_TCP',
  'LANYARD_LISTEN_PORT_443_TCP_ADDR',
  'LANYARD_X_SERVICE_PORT_HTTPS',
])('%s is a name that a Service sets', (name) => {
  expect(name).toMatch(OF_A_SERVICE)
})

test('injectSidecar() sets each setting of the sidecar by which its real token could go astray', () => {
  const [sidecar] = injectSidecar(aPod(), SIDECAR, {}).spec.initContainers ?? []
  const set = (sidecar?.env ?? []).map(({ name }) => name)
  expect(set).toEqual(
    expect.arrayContaining([
      'LANYARD_UPSTREAM_URL',
      'LANYARD_API_CA',
      'LANYARD_CONTROL_PLANE_ADDRESS',
      'LANYARD_CONTROL_PLANE_CA',
      'LANYARD_CONTAINERS',
    ]),
  )
  expect(sidecar).not.toHaveProperty('envFrom')
})
