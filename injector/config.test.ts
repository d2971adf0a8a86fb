import { expect, test } from 'vitest'
import { loadConfig } from '../platform/config.ts'
import { apiServerOrigin, injectorConfig } from './config.ts'

function load(env: Readonly<Record<string, string>>) {
  return loadConfig(injectorConfig, {
    prefix: 'LANYARD',
    args: [],
    env: { LANYARD_SIDECAR_IMAGE: 'x', ...env },
    readFile: () => '{}',
  })
}

test('injectorConfig writes quantities as kube-apiserver stores them', () => {
  const config = load({
    LANYARD_SIDECAR_MEMORY_LIMIT: '1024Mi',
    LANYARD_SIDECAR_MEMORY_REQUEST: '65536Ki',
    LANYARD_SIDECAR_CPU_REQUEST: '0.05',
    LANYARD_SIDECAR_CPU_LIMIT: '1000m',
  })
  expect(config).toMatchObject({
    sidecarMemoryLimit: '1Gi',
    sidecarMemoryRequest: '64Mi',
    sidecarCpuRequest: '50m',
    sidecarCpuLimit: '1',
  })
})

test('injectorConfig sets no CPU limit unless it is told one', () => {
  expect(load({})).toMatchObject({ sidecarCpuLimit: '', sidecarMemoryLimit: '832Mi' })
  expect(load({ LANYARD_SIDECAR_CPU_LIMIT: '' }).sidecarCpuLimit).toBe('')
})

test.each([
  ['10.96.0.1', '443', 'https://10.96.0.1'],
  ['fd00::1', '6443', 'https://[fd00::1]:6443'],
])('apiServerOrigin() builds from host %s and port %s', (host, port, want) => {
  const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }
  expect(apiServerOrigin({ apiServerUrl: '' }, env)).toBe(want)
})

test('apiServerOrigin() prefers what is set', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
  const { apiServerUrl } = load({ LANYARD_API_SERVER_URL: 'https://api.example:6443/' })
  expect(apiServerOrigin({ apiServerUrl }, env)).toBe('https://api.example:6443')
})

test.each([[{}], [{ KUBERNETES_SERVICE_HOST: 'x y', KUBERNETES_SERVICE_PORT: '443' }]])(
  'apiServerOrigin() refuses %j',
  (env) => {
    expect(() => apiServerOrigin({ apiServerUrl: '' }, env)).toThrow(/set apiServerUrl/)
  },
)

test.each([
  ['API_SERVER_URL', 'http://10.96.0.1'],
  ['SIDECAR_MEMORY_LIMIT', 'lots'],
  ['SIDECAR_MEMORY_REQUEST', ''],
  ['SIDECAR_CPU_REQUEST', '-1'],
  ['SIDECAR_CPU_LIMIT', '1 core'],
])('injectorConfig refuses %s=%s', (name, value) => {
  expect(() => load({ [`LANYARD_${name}`]: value })).toThrow(/Cannot start/)
})
