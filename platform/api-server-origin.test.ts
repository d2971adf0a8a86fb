import { expect, test } from 'vitest'
import { apiServerOrigin } from './api-server-origin.ts'

test.each([
  ['', '10.96.0.1', '443', 'https://10.96.0.1'],
  ['', 'fd00::1', '6443', 'https://[fd00::1]:6443'],
  ['https://api.example:6443/', '10.96.0.1', '443', 'https://api.example:6443'],
  ['https://api.test:1', '', '', 'https://api.test:1'],
])('apiServerOrigin() of %j with host %s and port %s', (url, host, port, want) => {
  const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }
  expect(apiServerOrigin(url, 'upstreamUrl', env).origin).toBe(want)
})

test.each([
  ['', {}],
  ['', { KUBERNETES_SERVICE_HOST: 'x y', KUBERNETES_SERVICE_PORT: '443' }],
  ['http://10.96.0.1', {}],
])('apiServerOrigin() refuses %j with %j, and names the setting', (url, env) => {
  expect(() => apiServerOrigin(url, 'apiServerUrl', env)).toThrow(
    /set apiServerUrl, or KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT/,
  )
})
