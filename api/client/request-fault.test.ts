import { expect, test } from 'vitest'
import { responseFault } from './request-fault.ts'

const PLACE = { server: 'https://cluster', context: 'test', method: 'GET' }
const BODY = JSON.stringify({ message: 'chains is forbidden: User "bob" cannot get it' })

test.each([
  ['/apis/access.lanyard.dev/v1alpha1/namespaces/team/chains/pod%2Fagent', 'for it'],
  ['/apis/access.lanyard.dev/v1alpha1/namespaces//chains', 'for it'],
  [
    '/apis/access.lanyard.dev/v1alpha1/namespaces/team/chains/agent',
    'for: get chains.access.lanyard.dev in namespace team (ClusterRole lanyard-viewer)',
  ],
])('responseFault() of a refusal keeps what the cluster said about %s', (path, asks) => {
  const fault = responseFault(403, BODY, { ...PLACE, path })
  expect(fault).toMatchObject({
    code: 'permission_denied',
    message: `chains is forbidden: User "bob" cannot get it. Ask an administrator ${asks}`,
  })
})
