import { expect, test } from 'vitest'
import { INJECTED_SETTINGS } from '../core/pods/sidecar-contract.ts'
import { loadConfig } from '../platform/config.ts'
import { sidecarConfig } from './config.ts'

const REQUIRED = {
  LANYARD_CONTROL_PLANE_ADDRESS: 'lanyard-control-plane.lanyard-system.svc:8443',
  LANYARD_CONTROL_PLANE_CA: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n',
  LANYARD_CONTAINERS: 'setup,app',
  LANYARD_POD_NAMESPACE: 'team',
}

function load(env: Record<string, string>) {
  return loadConfig(sidecarConfig, {
    prefix: 'LANYARD',
    args: [],
    env: { ...REQUIRED, ...env },
    readFile: () => '{}',
  })
}

test('sidecarConfig takes what the injector sets', () => {
  expect(load({})).toMatchObject({
    containers: ['setup', 'app'],
    listenPortNumber: 16_443,
    healthPortNumber: 16_444,
    apiTokenFile: '/var/run/secrets/lanyard.dev/api/token',
    stateDirectory: '/var/run/lanyard',
  })
})

test.each([
  ['a container name that is a path', { LANYARD_CONTAINERS: 'app,../x' }],
  ['a container twice', { LANYARD_CONTAINERS: 'app,app' }],
  ['no container', { LANYARD_CONTAINERS: '' }],
  ['plain http', { LANYARD_UPSTREAM_URL: 'http://10.0.0.1' }],
  ['a control plane without a port', { LANYARD_CONTROL_PLANE_ADDRESS: 'control-plane' }],
  ['a name of the control plane with a port', { LANYARD_CONTROL_PLANE_NAME: 'control-plane:8443' }],
  ['a name of the control plane that is a path', { LANYARD_CONTROL_PLANE_NAME: '/control-plane' }],
  ['a name served beyond loopback', { LANYARD_SERVICE_NAME_ADDRESS: '0.0.0.0:443' }],
  ['a name served without a port', { LANYARD_SERVICE_NAME_ADDRESS: '127.100.0.1' }],
  ['a CA that is a path', { LANYARD_CONTROL_PLANE_CA: '/ca.crt' }],
  ['a CA of the API server that is a path', { LANYARD_API_CA: '/ca.crt' }],
])('sidecarConfig refuses %s', (_name, env) => {
  expect(() => load(env)).toThrow(/Cannot start/)
})

test('sidecarConfig ignores the variables of a Service that is named like it', () => {
  const env = { LANYARD_LISTEN_PORT: 'tcp://10.0.0.9:1', LANYARD_HEALTH_SERVICE_PORT: '1' }
  expect(load(env).listenPortNumber).toBe(16_443)
})

test('sidecarConfig has every setting that the injector gives to a sidecar', () => {
  expect(Object.keys(sidecarConfig.shape)).toEqual(expect.arrayContaining([...INJECTED_SETTINGS]))
})
