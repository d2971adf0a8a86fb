import { describe, expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { explainGuard, guardsHit, whatBodyMakes } from './guards.ts'

const SAFE = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const
const OUTSIDE = { ...SAFE, namespaceInjected: false }

describe('guardsHit()', () => {
  test.each([
    [
      'every resource is made outside',
      { verb: 'create', apiGroup: 'batch', resource: '*' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'every token subresource is made',
      { verb: 'create', resource: '*', subresource: 'token' },
      SAFE,
      ['credentials', 'lanyard-config'],
    ],
    ['a pod is launched outside', { verb: 'create' }, OUTSIDE, ['launch-outside']],
    [
      'a Job is launched outside',
      { verb: 'create', apiGroup: 'batch', resource: 'jobs' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'a CronJob is patched outside',
      { verb: 'patch', apiGroup: 'batch', resource: 'cronjobs' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'a Deployment is scaled outside',
      { verb: 'update', apiGroup: 'apps', resource: 'deployments', subresource: 'scale' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'a ReplicationController is updated outside',
      { verb: 'update', resource: 'replicationcontrollers' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'a token is asked for',
      { verb: 'create', resource: 'serviceaccounts', subresource: 'token' },
      SAFE,
      ['credentials'],
    ],
    [
      'a certificate is asked for',
      { verb: 'create', apiGroup: 'certificates.k8s.io', resource: 'certificatesigningrequests' },
      SAFE,
      ['credentials'],
    ],
    [
      'someone may be impersonated besides',
      { verb: '*', alsoVerbs: ['get', 'impersonate'], resource: 'groups' },
      SAFE,
      ['impersonation'],
    ],
    [
      'every subresource of a foreign pod is reached',
      { verb: 'create', subresource: '*', name: 'theirs' },
      { ...SAFE, targetRoot: 'other' as const },
      ['foreign-pod', 'node-proxy'],
    ],
    [
      'every subresource of a Deployment is changed outside',
      { verb: 'update', apiGroup: 'apps', resource: 'deployments', subresource: '*' },
      OUTSIDE,
      ['launch-outside'],
    ],
    [
      'someone is impersonated',
      { verb: 'impersonate', resource: 'users' },
      SAFE,
      ['impersonation'],
    ],
    [
      'someone is impersonated as the narrower verbs allow',
      { verb: 'impersonate:user-info', apiGroup: 'authentication.k8s.io', resource: 'users' },
      SAFE,
      ['impersonation'],
    ],
    [
      'a request is made as someone else',
      { verb: 'impersonate-on:user-info:list', resource: 'services' },
      SAFE,
      ['impersonation'],
    ],
    [
      'another root is reached by exec',
      { verb: 'create', subresource: 'exec' },
      { ...SAFE, targetRoot: 'other' as const },
      ['foreign-pod'],
    ],
    [
      'an unknown pod is reached by attach',
      { subresource: 'attach' },
      { ...SAFE, targetRoot: 'unknown' as const },
      ['foreign-pod'],
    ],
    [
      "another root's image is patched",
      { verb: 'patch' },
      { ...SAFE, targetRoot: 'other' as const },
      ['foreign-pod'],
    ],
    [
      'the sidecar is reached',
      { subresource: 'exec' },
      { ...SAFE, targetContainer: 'lanyard-sidecar' },
      ['sidecar'],
    ],
    [
      'a node proxy is used',
      { resource: 'nodes', subresource: 'proxy', namespace: '' },
      SAFE,
      ['node-proxy'],
    ],
    [
      'a service proxy is used',
      { resource: 'services', subresource: 'proxy' },
      SAFE,
      ['node-proxy'],
    ],
    ['a pod proxy is used', { subresource: 'proxy' }, SAFE, ['node-proxy']],
    [
      'a policy is written',
      { verb: 'create', apiGroup: 'lanyard.dev', resource: 'accesspolicies' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'a webhook is deleted',
      {
        verb: 'delete',
        apiGroup: 'admissionregistration.k8s.io',
        resource: 'mutatingwebhookconfigurations',
      },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'an APIService is patched',
      { verb: 'patch', apiGroup: 'apiregistration.k8s.io', resource: 'apiservices' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'a namespace is labelled',
      { verb: 'patch', resource: 'namespaces', namespace: 'team', name: 'team' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'a namespace is made',
      { verb: 'create', resource: 'namespaces', namespace: '' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      "a shell is opened in Lanyard's own namespace over a WebSocket",
      { subresource: 'exec', alsoVerbs: ['create'], namespace: 'lanyard-system' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'a role is granted',
      { verb: 'create', apiGroup: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
      SAFE,
      ['rbac-escalation'],
    ],
    [
      'a role is widened',
      {
        verb: 'patch',
        apiGroup: 'rbac.authorization.k8s.io',
        resource: 'clusterroles',
        namespace: '',
      },
      SAFE,
      ['rbac-escalation'],
    ],
    [
      'a binding is replaced or made by PUT',
      {
        verb: 'update',
        alsoVerbs: ['create'],
        apiGroup: 'rbac.authorization.k8s.io',
        resource: 'clusterrolebindings',
        namespace: '',
      },
      SAFE,
      ['rbac-escalation'],
    ],
    [
      'a verb of RBAC itself is asked for',
      { verb: 'escalate', apiGroup: 'rbac.authorization.k8s.io', resource: 'roles' },
      SAFE,
      ['rbac-escalation'],
    ],
    [
      "another root's pod is bound to a node",
      { verb: 'create', subresource: 'binding' },
      { ...SAFE, targetRoot: 'other' as const },
      ['foreign-pod'],
    ],
    [
      'a pod that only the body names is bound to a node',
      { verb: 'create', resource: 'bindings' },
      { ...SAFE, targetRoot: 'unknown' as const },
      ['foreign-pod'],
    ],
    [
      "Lanyard's own namespace is written",
      { verb: 'delete', resource: 'secrets', namespace: 'lanyard-system' },
      SAFE,
      ['lanyard-config'],
    ],
    [
      'a token is asked for the API server',
      { verb: 'create', resource: 'serviceaccounts', subresource: 'token' },
      { ...SAFE, makes: 'credential' as const },
      ['credentials'],
    ],
    [
      'a token is read, or whatever that is',
      { verb: 'get', resource: 'serviceaccounts', subresource: 'token' },
      { ...SAFE, makes: 'none' as const },
      ['credentials'],
    ],
    [
      'a Secret of which nothing is known is made outside',
      { verb: 'create', resource: 'secrets' },
      OUTSIDE,
      ['credentials'],
    ],
    [
      'a Secret of which nothing is known is applied outside',
      { verb: 'patch', alsoVerbs: ['create'], resource: 'secrets', name: 's' },
      OUTSIDE,
      ['credentials'],
    ],
    [
      'a Secret that is a token is made inside',
      { verb: 'create', resource: 'secrets' },
      { ...SAFE, makes: 'credential' as const },
      ['credentials'],
    ],
  ])('stops it when %s', (_name, request, facts, want) => {
    expect(guardsHit(aRequest(request), facts)).toEqual(want)
  })

  test.each([
    ['a pod is read outside', {}, OUTSIDE],
    ['a pod is deleted outside', { verb: 'delete' }, OUTSIDE],
    ['a ConfigMap is made outside', { verb: 'create', resource: 'configmaps' }, OUTSIDE],
    ['a pod is launched inside', { verb: 'create' }, SAFE],
    ['a namespace is read', { resource: 'namespaces', namespace: 'team' }, SAFE],
    [
      "a sidecar's log is read",
      { subresource: 'log' },
      { ...SAFE, targetContainer: 'lanyard-sidecar' },
    ],
    ['an own pod is bound to a node', { verb: 'create', subresource: 'binding' }, SAFE],
    [
      'a pod of Lanyard is read',
      { namespace: 'lanyard-system', subresource: 'log', alsoVerbs: [] },
      SAFE,
    ],
    [
      'a role is deleted',
      { verb: 'delete', apiGroup: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
      SAFE,
    ],
    [
      'a role is read',
      { apiGroup: 'rbac.authorization.k8s.io', resource: 'clusterroles', namespace: '' },
      SAFE,
    ],
    ['an own pod is reached', { subresource: 'exec' }, SAFE],
    ['another URL is read', { resourceRequest: false, path: '/version' }, OUTSIDE],
    [
      'a token is asked for others',
      { verb: 'create', resource: 'serviceaccounts', subresource: 'token' },
      { ...OUTSIDE, makes: 'none' as const },
    ],
    [
      'a Secret that is no credential is made outside',
      { verb: 'create', resource: 'secrets' },
      { ...OUTSIDE, makes: 'none' as const },
    ],
    ['a Secret is made inside', { verb: 'create', resource: 'secrets' }, SAFE],
    ['a Secret is changed outside', { verb: 'patch', resource: 'secrets', name: 's' }, OUTSIDE],
  ])('lets it pass when %s', (_name, request, facts) => {
    expect(guardsHit(aRequest(request), facts)).toEqual([])
  })
})

describe('explainGuard()', () => {
  test.each([
    ['credentials', { resource: 'serviceaccounts', subresource: 'token' }, /--audience/],
    ['foreign-pod', { subresource: 'exec' }, /same root requester launched/],
    ['sidecar', { subresource: 'exec' }, /name another container/],
    ['impersonation', { verb: 'impersonate' }, /without --as/],
    ['launch-outside', { verb: 'create' }, /use a namespace that is opted in$/],
    ['node-proxy', { resource: 'nodes', subresource: 'proxy' }, /call the Service/],
    [
      'lanyard-config',
      { verb: 'patch', resource: 'namespaces' },
      /opt it in and out; let an administrator do it/,
    ],
    [
      'node-volumes',
      { verb: 'create', resource: 'persistentvolumes' },
      /are; claim one of a StorageClass$/,
    ],
    [
      'rbac-escalation',
      { verb: 'create', apiGroup: 'rbac.authorization.k8s.io', resource: 'roles' },
      /let a person grant it/,
    ],
  ] as const)('says of %s what to do instead', (guard, request, instead) => {
    expect(explainGuard(guard, aRequest(request))).toMatch(instead)
  })
})

describe('whatBodyMakes()', () => {
  const token = { resource: 'serviceaccounts' }
  const secret = { resource: 'secrets' }
  const says = (audiences: readonly string[], secretType = '') => ({ audiences, secretType })

  test.each([
    ['a body that was not read', undefined, token, [], undefined],
    ['no audience', says([]), token, [], 'credential'],
    ['an empty audience', says(['']), token, [], 'credential'],
    ['an audience of its own', says(['vault']), token, [], 'none'],
    ['two of their own', says(['vault', 'sts.amazonaws.com']), token, [], 'none'],
    ["one of its own and the API's", says(['vault', 'api']), token, [], 'credential'],
    ["Lanyard's audience", says(['lanyard-control-plane']), token, [], 'credential'],
    ["the cluster's own", says(['https://issuer']), token, ['https://issuer'], 'credential'],
    ['any, while that is not known', says(['vault']), token, undefined, 'credential'],
    ['a Secret without a type', says([]), secret, undefined, 'none'],
    ['a TLS Secret', says([], 'kubernetes.io/tls'), secret, [], 'none'],
    ['a token Secret', says([], 'kubernetes.io/service-account-token'), secret, [], 'credential'],
    ['a bootstrap token', says([], 'bootstrap.kubernetes.io/token'), secret, [], 'credential'],
  ] as const)('knows %s', (_name, body, request, audiences, want) => {
    expect(whatBodyMakes(body, request, audiences)).toBe(want)
  })
})
