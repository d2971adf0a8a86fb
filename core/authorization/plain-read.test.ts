import { expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { parseRequestInfo } from '../kubernetes/request-info.ts'
import { isPlainRead } from './plain-read.ts'
import type { Question } from './question.ts'

function asked(parts: Partial<Question> = {}): Question {
  const said = { container: 'app', targetContainer: '', userAgent: '', refusedBecause: '' }
  return { attributes: aRequest({}), ...said, ...parts }
}

function askedFor(method: string, target: string): Question {
  const { attributes, targetContainer } = parseRequestInfo(method, target, undefined)
  return asked({ attributes, targetContainer })
}

const PODS = '/api/v1/namespaces/team/pods'

test.each([
  ['one object', `${PODS}/a`],
  ['a list', PODS],
  ['a list of all namespaces', '/api/v1/pods?limit=500'],
  ['a list with a selector', `${PODS}?labelSelector=a%3Db`],
  ['an object of an API group', '/apis/apps/v1/namespaces/team/deployments/a'],
  ['a status', `${PODS}/a/status`],
  ['a scale', '/apis/apps/v1/namespaces/team/deployments/a/scale'],
])('isPlainRead() takes %s', (_name, target) => {
  expect(isPlainRead(askedFor('GET', target))).toBe(true)
})

test.each([
  ['a watch', 'GET', `${PODS}?watch=true`],
  ['a watch of old', 'GET', `/api/v1/watch/namespaces/team/pods`],
  ['a log', 'GET', `${PODS}/a/log`],
  ['a log of a container', 'GET', `${PODS}/a/log?container=app`],
  ['a proxy', 'GET', `${PODS}/a/proxy/x`],
  ['a proxy of old', 'GET', '/api/v1/proxy/namespaces/team/pods/a/x'],
  ['an exec', 'GET', `${PODS}/a/exec?command=id`],
  ['a port-forward', 'GET', `${PODS}/a/portforward`],
  ['a subresource of others', 'GET', '/apis/x.example/v1/namespaces/team/things/a/console'],
  ['a create', 'POST', PODS],
  ['a patch', 'PATCH', `${PODS}/a`],
  ['a delete', 'DELETE', `${PODS}/a`],
  ['a URL that is no resource', 'GET', '/version'],
  ['discovery', 'GET', '/apis/apps/v1'],
])('isPlainRead() does not take %s', (_name, method, target) => {
  expect(isPlainRead(askedFor(method, target))).toBe(false)
})

test.each<[string, Partial<Question>]>([
  [
    'as somebody else',
    { impersonation: { user: { username: 'bob', uid: '', groups: [], extra: {} }, problem: '' } },
  ],
  ['that makes a credential', { credentialBody: { audiences: [], secretType: '' } }],
  ['that was refused already', { refusedBecause: 'no single meaning' }],
  ['with further verbs', { attributes: aRequest({ alsoVerbs: ['create'] }) }],
  ['without a verb', { attributes: aRequest({ verb: '' }) }],
])('isPlainRead() does not take a read %s', (_name, parts) => {
  expect(isPlainRead(asked(parts))).toBe(false)
})
