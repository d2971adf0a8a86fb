import { expect, test } from 'vitest'
import { loadConfig } from '../platform/config.ts'
import { injectorConfig } from './config.ts'

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
  ['API_SERVER_URL', 'http://10.96.0.1'],
  ['SIDECAR_MEMORY_LIMIT', 'lots'],
  ['SIDECAR_MEMORY_REQUEST', ''],
  ['SIDECAR_CPU_REQUEST', '-1'],
  ['SIDECAR_CPU_LIMIT', '1 core'],
])('injectorConfig refuses %s=%s', (name, value) => {
  expect(() => load({ [`LANYARD_${name}`]: value })).toThrow(/Cannot start/)
})
