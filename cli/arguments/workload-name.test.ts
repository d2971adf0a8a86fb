import { expect, test } from 'vitest'
import { parseWorkloadName } from './workload-name.ts'

test.each([
  ['deployment/web', 'apps/v1', 'Deployment', 'deployments'],
  ['deploy/web', 'apps/v1', 'Deployment', 'deployments'],
  ['deployment.apps/web', 'apps/v1', 'Deployment', 'deployments'],
  ['StatefulSets/web', 'apps/v1', 'StatefulSet', 'statefulsets'],
  ['cj/web', 'batch/v1', 'CronJob', 'cronjobs'],
  ['rc/web', 'v1', 'ReplicationController', 'replicationcontrollers'],
])('parseWorkloadName() of %s', (text, apiVersion, kind, resource) => {
  expect(parseWorkloadName(text)).toEqual({ apiVersion, kind, resource, name: 'web' })
})

test.each(['', 'web', 'pod/web', 'deployment/', 'deploy/a/b', 'deploy/A', 'deployment.batch/web'])(
  'parseWorkloadName() refuses %j',
  (text) => {
    expect(() => parseWorkloadName(text)).toThrow(/want KIND\/NAME, with one of deployment, /)
  },
)
