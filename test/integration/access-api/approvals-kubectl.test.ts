import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../../control-plane/store/store.ts'
import { type AccessApiBehind, startAccessApiBehind } from '../../support/access-api-behind.ts'
import { type Stores, sqliteStores } from '../../support/access-api-fixture.ts'
import { aRequestId, openRequest } from '../../support/access-request-parts.ts'
import { findHelm, findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { renderChart } from '../../support/rendered-chart.ts'

const kube = findKube()
const kubectl = findKubectl()
const helm = findHelm()
const ready = kube !== undefined && kubectl !== undefined && helm !== undefined
const ROOT = '/apis/access.lanyard.dev/v1alpha1/namespaces/team'

/* People with plain kubectl, RBAC and groups of a real kube-apiserver, and the ClusterRoles of the chart. */
describe.skipIf(!ready)('approvals behind a real kube-apiserver', () => {
  let behind: AccessApiBehind
  let store: Store
  let stores: Stores & { close(): Promise<void> }

  beforeAll(async () => {
    stores = await sqliteStores()
    store = stores.store as Store
    const users = { admin: 'system:masters', alice: 'oncall', oncall: 'oncall', bob: 'others' }
    const programs = { kube: kube ?? '', kubectl: kubectl ?? '' }
    behind = await startAccessApiBehind(programs, users, stores)
    await bindRoles()
  }, 180_000)

  afterAll(async () => {
    await behind?.close()
    await stores?.close()
  })

  /** Everybody of oncall is an approver, alice too; bob may impersonate, and alice may cancel. */
  async function bindRoles(): Promise<void> {
    const { objects } = await renderChart(helm ?? '')
    const rbac = behind.admin.makeApiClient(RbacAuthorizationV1Api)
    const names = ['lanyard-approver', 'lanyard-requester']
    for (const name of names) {
      const role = objects.find(
        ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name,
      )
      await rbac.createClusterRole({ body: role as never })
    }
    const rules = [{ apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }]
    await rbac.createClusterRole({ body: { metadata: { name: 'impersonator' }, rules } })
    await bind('impersonator', 'User', 'bob')
    await bind('lanyard-approver', 'Group', 'oncall')
    await bind('lanyard-requester', 'User', 'alice')
  }

  async function bind(role: string, kind: 'User' | 'Group', name: string): Promise<void> {
    const apiGroup = 'rbac.authorization.k8s.io'
    await behind.admin.makeApiClient(RbacAuthorizationV1Api).createClusterRoleBinding({
      body: {
        metadata: { name: `${role}-${name}` },
        roleRef: { apiGroup, kind: 'ClusterRole', name: role },
        subjects: [{ apiGroup, kind, name }],
      },
    })
  }

  const answer = (user: string, id: string, action: string, body: object, flags = '') =>
    behind.run(
      user,
      `create --raw ${ROOT}/accessrequests/${id}/${action} -f -${flags}`,
      JSON.stringify(body),
    )

  test('the APIService becomes available', async () => {
    const look = () => behind.run('admin', 'get apiservice v1alpha1.access.lanyard.dev')
    await expect.poll(look, { timeout: 60_000 }).toContain('True')
  }, 90_000)

  test('get, explain and describe know requests and grants', async () => {
    await openRequest(store, 1)
    expect(await behind.run('oncall', 'get accessrequests -A')).toMatch(
      new RegExp(`team +${aRequestId(1)} +Pending +0/1 +alice +agent +delete`),
    )
    const explain = 'explain accessrequests.spec.rules --api-version=access.lanyard.dev/v1alpha1'
    await expect
      .poll(() => behind.run('oncall', explain), { timeout: 30_000 })
      .toContain('breakGlass')
    expect(await behind.run('oncall', `describe accessrequest ${aRequestId(1)} -n team`)).toContain(
      'Widest Scope:',
    )
    const path = `get accessrequests -n team -o jsonpath={.items[0].spec.rootRequester}`
    expect(await behind.run('oncall', path)).toBe('alice')
    expect(await behind.run('bob', 'get accessrequests -A')).toContain('(Forbidden)')
  })

  test('a watch shows a request as it comes and as it is answered', async () => {
    const env = { ...process.env, KUBECONFIG: join(behind.folder, 'oncall'), HOME: behind.folder }
    const command = ['get', 'accessrequests', '-n', 'team', '-w', '--output-watch-events']
    const child = execFile(kubectl ?? '', command, { env })
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
    })
    await expect.poll(() => text, { timeout: 20_000 }).toContain(aRequestId(1))
    const { id, digest } = await openRequest(store, 2)
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`ADDED +${id} +Pending`))
    await answer('oncall', id, 'deny', { digest, reason: 'no' })
    await expect
      .poll(() => text, { timeout: 20_000 })
      .toMatch(new RegExp(`MODIFIED +${id} +Denied`))
    child.kill()
  })

  test('alice cannot approve for her own chain, by her group or by impersonation', async () => {
    const { id, digest } = await openRequest(store, 3)
    const body = { digest, scope: 'request' }
    expect(await answer('alice', id, 'approve', body)).toMatch(/in the chain of this request/)
    expect(await answer('alice', id, 'approve', body, ' --as=oncall --as-group=oncall')).toMatch(
      /cannot impersonate/,
    )
    expect(store.accessRequests.get(id)).toMatchObject({ phase: 'Pending', reviews: [] })
    expect(await answer('alice', id, 'cancel', {})).toContain('"Cancelled"')
  })

  test('nobody approves without RBAC, and no service account with it', async () => {
    const { id, digest } = await openRequest(store, 4)
    const body = { digest, scope: 'request' }
    expect(await answer('bob', id, 'approve', body)).toContain('(Forbidden)')
    const account = ' --as=system:serviceaccount:team:bot --as-group=oncall'
    expect(await answer('admin', id, 'approve', body, account)).toMatch(/service account|machine/i)
    expect(store.accessRequests.get(id)).toMatchObject({ phase: 'Pending', reviews: [] })
  })

  test('an impersonated approver has no credential-id on record, and a certificate has', async () => {
    const first = await openRequest(store, 5)
    const body = { digest: first.digest, scope: 'request' }
    await answer('bob', first.id, 'approve', body, ' --as=oncall --as-group=oncall')
    const second = await openRequest(store, 6)
    await answer('oncall', second.id, 'approve', { digest: second.digest, scope: 'request' })
    const credential = (id: string) =>
      Object.keys(store.accessRequests.get(id)?.reviews[0]?.by.extra ?? {})
    expect(credential(first.id)).toEqual([])
    expect(credential(second.id)).toEqual(['authentication.kubernetes.io/credential-id'])
  })

  test('oncall approves with plain kubectl, and delete revokes and returns', async () => {
    const { id, digest } = await openRequest(store, 7)
    expect(await answer('oncall', id, 'approve', { digest })).toMatch(/Wrong or missing: scope/)
    expect(await answer('oncall', id, 'approve', { digest, scope: 'rule' })).toContain('"Approved"')
    const name = store.accessRequests.get(id)?.grantId ?? ''
    expect(await behind.run('oncall', 'get accessgrants -n team')).toContain(name)
    expect(await behind.run('alice', `delete accessgrant ${name} -n team --timeout=20s`)).toContain(
      'deleted',
    )
    expect(store.accessRequests.grant(name)).toMatchObject({ phase: 'Revoked' })
    expect(await behind.run('oncall', `get accessgrant ${name} -n team`)).toContain('not found')
  })
})
