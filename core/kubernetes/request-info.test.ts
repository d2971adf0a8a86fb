import { describe, expect, test } from 'vitest'
import corpus from '../../test/corpus/request-info.json' with { type: 'json' }
import { isTrue } from './query-values.ts'
import { parseRequestInfo } from './request-info.ts'

describe('parseRequestInfo()', () => {
  // Each row was answered by kube-apiserver's own code; see test/programs/request-info/main.go.
  test.each(corpus)('reads $method $target as kube-apiserver does', (row) => {
    const { attributes } = parseRequestInfo(row.method, row.target, undefined)
    const { alsoVerbs: _, exec: __, portForward: ___, ...authorized } = attributes
    expect(authorized).toEqual({
      // Where kube-apiserver has no verb, whoever may every verb may.
      verb: row.verb || '*',
      resourceRequest: row.resourceRequest,
      apiGroup: row.apiGroup,
      apiVersion: row.apiVersion,
      namespace: row.namespace,
      resource: row.resource,
      subresource: row.subresource,
      name: row.name,
      path: row.path,
    })
  })

  test.each([
    ['the namespace is empty', 'GET', '/api/v1/namespaces//secrets'],
    ['nothing is watched', 'GET', '/api/v1/watch'],
    ['nothing is proxied', 'GET', '/apis/apps/v1/proxy/'],
    ['discovery ends with two slashes', 'GET', '/apis/apps//'],
    ['a slash is encoded in what is judged', 'GET', '/api/v1/namespaces/d/services/w%2Fproxy/x'],
    ['a subresource is empty', 'GET', '/api/v1/namespaces/d/pods/p//exec'],
    ['the proxied path leads up', 'GET', '/api/v1/namespaces/d/services/w/proxy/../../../secrets'],
    ['the version has a capital', 'GET', '/api/V1/namespaces/dev/secrets'],
    ['the resource has a capital', 'GET', '/api/v1/namespaces/dev/Secrets'],
    ['the group is empty', 'GET', '/apis//v1/namespaces/dev/secrets'],
    ['the field selector is broken', 'GET', '/api/v1/pods?fieldSelector=metadata.name'],
    [
      'the field selector has two names',
      'GET',
      '/api/v1/pods?fieldSelector=metadata.name=b,metadata.name=a',
    ],
    // kube-apiserver drops the name of these, and authorizes the whole list.
    ['the limit is no number', 'GET', '/api/v1/pods?fieldSelector=metadata.name=db&limit=x'],
    ['the limit is empty', 'GET', '/api/v1/pods?fieldSelector=metadata.name=db&limit='],
    [
      'the limit is too large',
      'GET',
      `/api/v1/pods?fieldSelector=metadata.name=db&limit=${10 ** 19}`,
    ],
    [
      'the time is no number',
      'GET',
      '/api/v1/pods?fieldSelector=metadata.name=db&timeoutSeconds=1s',
    ],
    [
      'the label selector is broken',
      'GET',
      '/api/v1/pods?fieldSelector=metadata.name=db&labelSelector=a+b',
    ],
    ['the container is no container', 'GET', '/api/v1/namespaces/d/pods/p/exec?container=A'],
    [
      'the container is too long',
      'GET',
      `/api/v1/namespaces/d/pods/p/log?container=${'a'.repeat(64)}`,
    ],
    ['a resource has an underscore', 'GET', '/api/v1/namespaces/d/queue_length'],
    ['a metric begins with a dot', 'GET', '/apis/external.metrics.k8s.io/v1beta1/namespaces/d/.x'],
  ])('refuses when %s', (_name, method, target) => {
    expect(() => parseRequestInfo(method, target, undefined)).toThrow(
      expect.objectContaining({ code: 'request_invalid' }),
    )
  })

  test.each([
    ['POST', '/api/v1/namespaces/d/pods/p/exec?command=ls&command=-l', 'exec', 'create', []],
    ['GET', '/api/v1/namespaces/d/pods/p/exec?command=ls', 'exec', 'get', ['create']],
    ['GET', '/api/v1/namespaces/d/pods/p/attach?stdin=1', 'attach', 'get', ['create']],
    [
      'GET',
      '/api/v1/namespaces/d/pods/p/portforward?ports=80&ports=81',
      'portforward',
      'get',
      ['create'],
    ],
    ['GET', '/api/v1/namespaces/d/pods/p/log', '', 'get', []],
  ])('judges %s %s as create', (method, target, upgrade, verb, alsoVerbs) => {
    const info = parseRequestInfo(method, target, undefined)
    expect([info.upgrade, info.attributes.verb, info.attributes.alsoVerbs]).toEqual([
      upgrade,
      verb,
      alsoVerbs,
    ])
  })

  test.each([
    [
      'a server-side apply',
      'PATCH',
      '/apis/apps/v1/namespaces/d/deployments/x',
      'application/apply-patch+yaml',
      ['create'],
    ],
    [
      'one with a parameter',
      'PATCH',
      '/apis/apps/v1/namespaces/d/deployments/x',
      'Application/Apply-Patch+YAML; charset=utf-8',
      ['create'],
    ],
    [
      'another patch',
      'PATCH',
      '/apis/apps/v1/namespaces/d/deployments/x',
      'application/merge-patch+json',
      [],
    ],
    [
      'a PUT that creates',
      'PUT',
      '/apis/coordination.k8s.io/v1/namespaces/d/leases/x',
      'application/json',
      ['create'],
    ],
    [
      'a PUT that does not',
      'PUT',
      '/apis/apps/v1/namespaces/d/deployments/x',
      'application/json',
      [],
    ],
  ])('also judges create for %s: %s %s %s', (_name, method, target, contentType, alsoVerbs) => {
    expect(parseRequestInfo(method, target, contentType).attributes.alsoVerbs).toEqual(alsoVerbs)
  })

  test.each([
    ['GET', '/api/v1/pods?watch=true', true],
    ['GET', '/api/v1/pods?watch=false', false],
    ['GET', '/api/v1/namespaces/d/pods/p/log?follow=true', true],
    ['GET', '/api/v1/namespaces/d/pods/p/log?follow=false', false],
    ['POST', '/api/v1/namespaces/d/pods/p/exec?command=ls', true],
  ])('says whether %s %s stays open', (method, target, longRunning) => {
    expect(parseRequestInfo(method, target, undefined).longRunning).toBe(longRunning)
  })

  test('names the container that a tunnel is for', () => {
    const info = parseRequestInfo(
      'GET',
      '/api/v1/namespaces/d/pods/p/exec?container=app',
      undefined,
    )
    expect(info.targetContainer).toBe('app')
  })

  test('reads a container only where kube-apiserver does', () => {
    const target = '/api/v1/namespaces/d/pods/p/proxy/x?container=A%20B'
    expect(parseRequestInfo('GET', target, undefined).targetContainer).toBe('')
  })

  test.each([
    ['/api/v1/namespaces/d/services/https:web:/proxy/'],
    ['/api/v1/namespaces/d/services/web/proxy/q/?match%5B%5D=a&match%5B%5D=b'],
    ['/api/v1/namespaces/d/services/web/proxy/a%2Fb;c//d%25/?watch=0&watch=1'],
    [
      '/apis/subresources.kubevirt.io/v1/namespaces/d/virtualmachineinstances/vm/portforward/22/tcp',
    ],
    ['/api/v1/namespaces/d/pods/'],
    ['/api/v1/watch/namespaces/d/pods/p'],
    ['/api/v1/pods?_=1700000000&1=2&dryRun=All&dryRun=All'],
  ])('sends %s as it came', (target) => {
    expect(parseRequestInfo('GET', target, undefined).target).toBe(target)
  })

  test.each([
    ['/api/v1/pods?watch=0&watch=1', 'list', '/api/v1/pods?watch=0'],
    ['/api/v1/pods?watch=1&watch=0', 'watch', '/api/v1/pods?watch=1'],
    [
      '/api/v1/pods?labelSelector=a&x=1&labelSelector=b&x=2',
      'list',
      '/api/v1/pods?labelSelector=a&x=1&x=2',
    ],
  ])('judges the first of a repeated parameter in %s, and sends no other', (raw, verb, target) => {
    const info = parseRequestInfo('GET', raw, undefined)
    expect([info.attributes.verb, info.target]).toEqual([verb, target])
  })

  test('judges the first of two containers, and sends no other', () => {
    const target = '/api/v1/namespaces/d/pods/p/exec?container=a&container=b&command=x&command=y'
    const info = parseRequestInfo('POST', target, undefined)
    expect([info.targetContainer, info.target]).toEqual([
      'a',
      '/api/v1/namespaces/d/pods/p/exec?container=a&command=x&command=y',
    ])
  })

  test.each([
    ['DELETE', '/api/v1/watch/namespaces/d/pods/p', 'watch', ['*']],
    ['GET', '/api/v1/watch/namespaces/d/pods/p', 'watch', []],
    ['OPTIONS', '/api/v1/namespaces/d/pods', '*', []],
    ['get', '/api/v1/namespaces/d/pods', '*', []],
    ['OPTIONS', '/version', 'options', []],
  ])('gives %s %s the verb %s and %j besides', (method, target, verb, alsoVerbs) => {
    const { attributes } = parseRequestInfo(method, target, undefined)
    expect([attributes.verb, attributes.alsoVerbs]).toEqual([verb, alsoVerbs])
  })

  test('repeats no more of a wrong name than a record takes', () => {
    const target = `/api/v1/namespaces/${'x'.repeat(2_000)}/pods`
    expect(() => parseRequestInfo('GET', target, undefined)).toThrow(/^.{256,400}$/)
  })

  test('sends what it judged', () => {
    const info = parseRequestInfo(
      'GET',
      '/api/v1/pods?watch&&fieldSelector=metadata.name%3Ddb',
      undefined,
    )
    expect(info.target).toBe('/api/v1/pods?watch=&fieldSelector=metadata.name%3Ddb')
  })
})

test.each([
  [undefined, false],
  ['0', false],
  ['false', false],
  ['FALSE', false],
  ['', true],
  ['no', true],
  ['1', true],
])('isTrue() reads %s as %s', (value, want) => {
  expect(isTrue(value)).toBe(want)
})
