import { expect, test } from 'vitest'
import { aCallerRequest } from '../../test/support/caller-requests.ts'
import { isUpgrade } from './parse-upgrade.ts'

const PODS = '/api/v1/namespaces/team/pods'
const CONSOLE =
  '/apis/subresources.kubevirt.io/v1/namespaces/team/virtualmachineinstances/vm/console'

test.each([
  ['an exec over WebSocket', 'GET', `${PODS}/p/exec?command=id`, 'websocket'],
  ['an exec over SPDY', 'POST', `${PODS}/p/exec?command=id`, 'SPDY/3.1'],
  ['an exec over SPDY by GET', 'GET', `${PODS}/p/exec?command=id`, 'SPDY/3.1'],
  ['a watch', 'GET', `${PODS}?watch=true`, 'websocket'],
  ['a watch in capitals', 'GET', `${PODS}?watch=true`, 'WebSocket'],
  ['a log', 'GET', `${PODS}/p/log?follow=true`, 'websocket'],
  ['a console of a virtual machine', 'GET', CONSOLE, 'websocket'],
  ['a proxied service', 'GET', '/api/v1/namespaces/team/services/web/proxy/ws', 'websocket'],
  ['a protocol of its own', 'POST', CONSOLE, 'vnc/1'],
])('isUpgrade() takes %s for an upgrade', (_name, method, url, upgrade) => {
  expect(isUpgrade(aCallerRequest(method, url, { connection: 'Upgrade', upgrade }))).toBe(true)
})

test.each([
  ['HTTP/2 in clear', 'GET', PODS, { upgrade: 'h2c' }],
  ['HTTP/2 in clear to a proxied service', 'GET', `${PODS}/p/proxy/`, { upgrade: 'h2c' }],
  ['HTTP/2 in clear in capitals', 'GET', CONSOLE, { upgrade: 'H2C' }],
  ['HTTP/2', 'GET', CONSOLE, { upgrade: 'h2' }],
  ['HTTP/3', 'GET', CONSOLE, { upgrade: 'h3' }],
  ['HTTP', 'GET', CONSOLE, { upgrade: 'HTTP/2.0' }],
  ['TLS', 'GET', PODS, { upgrade: 'TLS/1.2' }],
  ['a tunnel for IP', 'GET', CONSOLE, { upgrade: 'connect-ip' }],
  ['two protocols', 'GET', CONSOLE, { upgrade: 'websocket, h2c' }],
  ['no protocol', 'GET', CONSOLE, { upgrade: '' }],
  ['a name that is none', 'GET', CONSOLE, { upgrade: 'web socket' }],
  ['exec by another protocol', 'POST', `${PODS}/p/exec`, { upgrade: 'vnc/1' }],
  ['exec over SPDY by PUT', 'PUT', `${PODS}/p/exec`, { upgrade: 'SPDY/3.1' }],
  ['WebSocket by POST', 'POST', CONSOLE, { upgrade: 'websocket' }],
  ['WebSocket by HEAD', 'HEAD', CONSOLE, { upgrade: 'websocket' }],
  ['another protocol by CONNECT', 'CONNECT', CONSOLE, { upgrade: 'vnc/1' }],
  ['a body', 'POST', CONSOLE, { upgrade: 'vnc/1', 'content-length': '3' }],
  ['chunks', 'POST', CONSOLE, { upgrade: 'vnc/1', 'transfer-encoding': 'chunked' }],
  ['what is no resource', 'GET', '/version', { upgrade: 'websocket' }],
  ['what cannot be read', 'GET', '/api/v1/namespaces//pods', { upgrade: 'websocket' }],
])('isUpgrade() takes %s for an ordinary request', (_name, method, url, headers) => {
  expect(isUpgrade(aCallerRequest(method, url, { connection: 'Upgrade', ...headers }))).toBe(false)
})

test('isUpgrade() takes nothing of HTTP/1.0 for an upgrade', () => {
  const headers = { connection: 'Upgrade', upgrade: 'websocket' }
  expect(isUpgrade(aCallerRequest('GET', CONSOLE, headers, '1.0'))).toBe(false)
})

test.each([
  ['not at all', {}, false],
  ['for something else', { connection: 'keep-alive, upgrades' }, false],
  ['among others', { connection: 'keep-alive,  UPGRADE' }, true],
])('isUpgrade() when Connection asks for it %s is told', (_name, headers, want) => {
  expect(isUpgrade(aCallerRequest('GET', CONSOLE, { upgrade: 'websocket', ...headers }))).toBe(want)
})
