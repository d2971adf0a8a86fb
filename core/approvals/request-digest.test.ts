import { describe, expect, test } from 'vitest'
import { aHeldRequest, aHeldRule, aPerson } from '../../test/support/approval-parts.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { HeldRequest } from './access-request.ts'
import { canonicalRequest, grantKey, sha256Hex } from './request-digest.ts'

const held = aHeldRequest()
const rules = [aHeldRule()]
const text = canonicalRequest(held, rules)
const { chain, attributes, caller } = held

test.each<[string, Partial<HeldRequest>]>([
  ['another cluster', { cluster: 'other' }],
  ['another root requester', { chain: { ...chain, rootRequester: aPerson('bob') } }],
  [
    'another UID of the root requester',
    { chain: { ...chain, rootRequester: aPerson('alice', { uid: '2' }) } },
  ],
  ['one more requester', { chain: { ...chain, coRequesters: [aPerson('carol')] } }],
  [
    'another pod of the same name',
    { chain: { ...chain, actors: [{ ...caller, podUid: 'pod-2' }] } },
  ],
  ['another container', { container: 'other' }],
  ['an impersonated user', { impersonated: aPerson('carol') }],
  ['another verb', { attributes: { ...attributes, verb: 'patch' } }],
  ['another namespace', { attributes: { ...attributes, namespace: 'prod' } }],
  ['another name', { attributes: { ...attributes, name: 'other' } }],
  ['another method', { method: 'PATCH' }],
  ['another query', { target: `${held.target}?dryRun=All` }],
  ['another media type', { contentType: 'application/merge-patch+json' }],
  ['another body', { bodySha256: sha256Hex('x'), bodyBytes: 1 }],
  ['another object of the same name', { object: { uid: 'uid-2', resourceVersion: '1' } }],
  ['no object any more', { object: { uid: '', resourceVersion: '' } }],
])('canonicalRequest() of %s is another text', (_title, parts) => {
  expect(canonicalRequest({ ...held, ...parts }, rules)).not.toBe(text)
})

test('canonicalRequest() changes with the rules, not with their order', () => {
  const other = aHeldRule({ ruleDigest: sha256Hex('changed') }, 'prod/all')
  expect(canonicalRequest(held, [aHeldRule({ ruleDigest: sha256Hex('changed') })])).not.toBe(text)
  expect(canonicalRequest(held, [other, ...rules])).toBe(canonicalRequest(held, [...rules, other]))
  expect(canonicalRequest(held, [...rules, ...rules])).toBe(text)
})

test.each<[string, Partial<HeldRequest>]>([
  ['a newer version of the object', { object: { uid: 'uid-1', resourceVersion: '2' } }],
  [
    'what else is told of a requester',
    { chain: { ...chain, rootRequester: aPerson('alice', { extra: { scopes: ['x'] } }) } },
  ],
])('canonicalRequest() with %s is the same text', (_title, parts) => {
  expect(canonicalRequest({ ...held, ...parts }, rules)).toBe(text)
})

describe('canonicalRequest() of an exec', () => {
  const exec = {
    ...{ command: ['ls', '/'], env: [], container: 'app' },
    ...{ stdin: false, stdout: true, stderr: true, tty: false },
  }
  const anExec = (parts: Partial<HeldRequest['attributes']>): HeldRequest => ({
    ...aHeldRequest({ method: '', target: '' }),
    attributes: aRequest({ subresource: 'exec', name: 'db', exec, ...parts }),
  })
  const overWebSocket = anExec({ verb: 'get', alsoVerbs: ['create'] })

  test('is the same over WebSocket and over SPDY', () => {
    expect(canonicalRequest(anExec({ verb: 'create' }), rules)).toBe(
      canonicalRequest(overWebSocket, rules),
    )
  })

  test.each([
    ['another argument', { command: ['ls', '/etc'] }],
    ['arguments that join to the same text', { command: ['ls /'] }],
    ['another container', { container: 'other' }],
    ['standard input', { stdin: true }],
    ['a variable', { env: ['A=b'] }],
  ])('is another with %s', (_title, parts) => {
    const other = anExec({ verb: 'get', exec: { ...exec, ...parts } })
    expect(canonicalRequest(other, rules)).not.toBe(canonicalRequest(overWebSocket, rules))
  })
})

test('grantKey() of a rule is of the chain and its rules, whatever is asked for', () => {
  const key = grantKey('rule', 'digest', held, rules)
  expect(grantKey('rule', 'other', aHeldRequest({ method: 'PUT' }), rules)).toBe(key)
  expect(grantKey('rule', 'digest', held, [aHeldRule({ ruleDigest: 'x' })])).not.toBe(key)
  const grown = { ...held, chain: { ...chain, coRequesters: [aPerson('carol')] } }
  expect(grantKey('rule', 'digest', grown, rules)).not.toBe(key)
  expect(grantKey('request', 'digest', held, rules)).toBe('digest')
  expect(grantKey('command', 'digest', held, rules)).toBe('digest')
})
