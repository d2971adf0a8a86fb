import { expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { writesTemplate } from './template-write.ts'

const apps = { apiGroup: 'apps', resource: 'deployments' }

test.each([
  ['a new pod', { verb: 'create' }, true],
  ['an apply of a pod', { verb: 'patch', alsoVerbs: ['create'] }, true],
  ['a change of a pod, whose commands stay', { verb: 'update' }, false],
  ['a patch of a pod', { verb: 'patch' }, false],
  ['ephemeral containers', { verb: 'patch', subresource: 'ephemeralcontainers' }, true],
  ['ephemeral containers, read', { subresource: 'ephemeralcontainers' }, false],
  ['a new Deployment', { ...apps, verb: 'create' }, true],
  ['a patch of a Deployment', { ...apps, verb: 'patch' }, true],
  ['an update of a Deployment', { ...apps, verb: 'update' }, true],
  ['a scale', { ...apps, verb: 'update', subresource: 'scale' }, false],
  ['a status', { ...apps, verb: 'patch', subresource: 'status' }, false],
  ['a delete', { ...apps, verb: 'delete' }, false],
  ['a ReplicaSet', { apiGroup: 'apps', resource: 'replicasets', verb: 'create' }, true],
  ['a StatefulSet', { apiGroup: 'apps', resource: 'statefulsets', verb: 'create' }, true],
  ['a DaemonSet', { apiGroup: 'apps', resource: 'daemonsets', verb: 'create' }, true],
  ['a revision', { apiGroup: 'apps', resource: 'controllerrevisions', verb: 'create' }, true],
  ['a Job', { apiGroup: 'batch', resource: 'jobs', verb: 'create' }, true],
  ['a CronJob', { apiGroup: 'batch', resource: 'cronjobs', verb: 'patch' }, true],
  ['a ReplicationController', { resource: 'replicationcontrollers', verb: 'create' }, true],
  ['a PodTemplate', { resource: 'podtemplates', verb: 'update' }, true],
  ['a kind of that name of another group', { resource: 'deployments', verb: 'create' }, false],
  ['a ConfigMap', { resource: 'configmaps', verb: 'create' }, false],
  ['a path', { resourceRequest: false, verb: 'create' }, false],
])('writesTemplate() of %s: %s', (_name, parts, want) => {
  expect(writesTemplate(aRequest(parts))).toBe(want)
})
