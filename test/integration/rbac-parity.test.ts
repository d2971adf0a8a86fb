import { randomInt } from 'node:crypto'
import {
  AuthorizationV1Api,
  CoreV1Api,
  type KubeConfig,
  RbacAuthorizationV1Api,
  type V1PolicyRule,
} from '@kubernetes/client-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RuleScope } from '../../core/policy/access-policy.ts'
import { type RbacRule, rbacRegion } from '../../core/policy/boxes/rbac-region.ts'
import { regionHas } from '../../core/policy/boxes/region.ts'
import { scopeCovers } from '../../core/policy/match-rule.ts'
import { type BareApiServer, startBareApiServer } from '../support/bare-apiserver.ts'
import { findKube } from '../support/find-kubernetes.ts'
import { aRequest } from '../support/policy-builders.ts'

/* Rules are matched as kube-apiserver's own RBAC authorizer does, by the matcher and by the algebra of boxes. */

/** Of each of two seeds. */
const ROLES = 125
const REQUESTS_PER_ROLE = 22
const IN_FLIGHT = 24
/** kube-apiserver's authorizer hears of new roles a moment later. */
const LAG_MS_MAX = 30_000
const kube = findKube()

const some = (...texts: readonly string[]) =>
  fc.subarray([...texts], { minLength: 1, maxLength: Math.min(3, texts.length) })
const aResourceRule = fc.record(
  {
    apiGroups: fc.oneof(
      { weight: 3, arbitrary: some('', 'apps', 'x.dev') },
      { weight: 1, arbitrary: fc.constant(['*']) },
    ),
    resources: some(
      'pods',
      'pods/log',
      'pods/exec',
      '*/scale',
      '*/log',
      'deployments',
      'secrets',
      '*',
      'pods/*',
    ),
    verbs: fc.oneof(
      { weight: 3, arbitrary: some('get', 'list', 'create', 'deletecollection') },
      { weight: 1, arbitrary: fc.constant(['*']) },
    ),
    resourceNames: some('x', 'y', '*'),
  },
  { requiredKeys: ['apiGroups', 'resources', 'verbs'] },
)
const aPathRule = fc.record({
  verbs: fc.oneof(some('get', 'post'), fc.constant(['*'])),
  nonResourceURLs: some('/healthz', '/healthz/*', '/metrics*', '/apis', '*'),
})
const aRole = fc.record({
  /** Empty: bound everywhere. */
  namespace: fc.constantFrom('team', 'open', '', ''),
  rules: fc.array(aResourceRule, { minLength: 1, maxLength: 3 }),
  paths: fc.array(aPathRule, { maxLength: 1 }),
})
const anAsked = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constantFrom('get', 'list', 'create', 'deletecollection', 'odd', '*'),
      apiGroup: fc.constantFrom('', 'apps', 'x.dev'),
      resource: fc.constantFrom('pods', 'deployments', 'secrets', 'others'),
      subresource: fc.constantFrom('', '', 'log', 'exec', 'scale', 'status'),
      namespace: fc.constantFrom('team', 'open', ''),
      name: fc.constantFrom('', 'x', 'y', 'z'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constantFrom('get', 'post', 'put'),
      path: fc.constantFrom(
        '/healthz',
        '/healthz/etcd',
        '/healthzy',
        '/metrics',
        '/metrics/x',
        '/apis',
        '/',
      ),
    }),
  },
)

interface Role {
  readonly namespace: string
  readonly rules: readonly Omit<RuleScope, 'namespaces'>[]
  readonly paths: readonly Required<Pick<RbacRule, 'verbs' | 'nonResourceURLs'>>[]
}
type Asked = Parameters<typeof aRequest>[0]

describe.skipIf(kube === undefined)('beside kube-apiserver', () => {
  let apiServer: BareApiServer
  let admin: KubeConfig

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    admin = await apiServer.config('admin', 'system:masters')
    const core = admin.makeApiClient(CoreV1Api)
    for (const name of ['team', 'open'])
      await core.createNamespace({ body: { metadata: { name } } })
  }, 120_000)
  afterAll(() => apiServer?.close())

  // The second seed is another in each run; the title prints it.
  test.each([20_261_128, randomInt(2 ** 31)])(
    'roles of seed %i allow what RBAC allows',
    async (seed) => {
      const roles: readonly Role[] = fc.sample(aRole, { numRuns: ROLES, seed })
      const asked: readonly Asked[] = fc.sample(anAsked, {
        numRuns: ROLES * REQUESTS_PER_ROLE,
        seed,
      })
      const user = (index: number) => `user-${seed}-${index}`
      await inTurns(roles, (role, index) => bind(admin, user(index), role))
      const reviews = admin.makeApiClient(AuthorizationV1Api)
      await waitUntilKnown(admin, reviews, seed)
      const differing: object[] = []
      let allowedCount = 0
      await inTurns(asked, async (request, at) => {
        const index = at % ROLES
        const role = roles[index]
        if (role === undefined) return
        const allowed = await review(reviews, user(index), request)
        allowedCount += Number(allowed)
        const own = [byMatcher(role, request), byBoxes(role, request)]
        if (own.some((one) => one !== allowed)) differing.push({ role, request, allowed, own })
      })
      expect(differing).toEqual([])
      expect(2 * asked.length).toBeGreaterThanOrEqual(5_000)
      // Enough of both answers for the comparison to mean something.
      expect(allowedCount).toBeGreaterThan(asked.length / 20)
      expect(allowedCount).toBeLessThan(asked.length * 0.9)
    },
    120_000,
  )
})

/** A role of one user. */
async function bind(admin: KubeConfig, name: string, role: Role): Promise<void> {
  const api = admin.makeApiClient(RbacAuthorizationV1Api)
  const subjects = [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }]
  const rules = [
    ...role.rules,
    ...(role.namespace === '' ? role.paths : []),
  ] as unknown as V1PolicyRule[]
  const roleRef = (kind: string) => ({ kind, name, apiGroup: 'rbac.authorization.k8s.io' })
  const metadata = { name }
  if (role.namespace === '') {
    await api.createClusterRole({ body: { metadata, rules } })
    const body = { metadata, subjects, roleRef: roleRef('ClusterRole') }
    await api.createClusterRoleBinding({ body })
    return
  }
  const { namespace } = role
  await api.createNamespacedRole({ namespace, body: { metadata, rules } })
  await api.createNamespacedRoleBinding({
    namespace,
    body: { metadata, subjects, roleRef: roleRef('Role') },
  })
}

/** Those of the last users are known when everything before is: each kind of object is watched in order. */
async function waitUntilKnown(
  admin: KubeConfig,
  reviews: AuthorizationV1Api,
  seed: number,
): Promise<void> {
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
  for (const namespace of ['team', '']) {
    const name = `last-${seed}-${namespace}x`
    await bind(admin, name, { namespace, rules, paths: [] })
    await expect
      .poll(() => review(reviews, name, { namespace: 'team' }), { timeout: LAG_MS_MAX })
      .toBe(true)
  }
}

async function review(reviews: AuthorizationV1Api, user: string, asked: Asked): Promise<boolean> {
  const { verb, apiGroup, resource, subresource, namespace, name, path } = aRequest({
    verb: 'get',
    ...asked,
  })
  const what =
    asked.path === undefined
      ? { resourceAttributes: { verb, group: apiGroup, resource, subresource, namespace, name } }
      : { nonResourceAttributes: { verb, path } }
  const body = { spec: { user, groups: [], ...what } }
  const { status } = await reviews.createSubjectAccessReview({ body })
  return status?.allowed === true
}

function byMatcher(role: Role, asked: Asked): boolean {
  // Policies do not speak of paths.
  if (asked.path !== undefined) return byBoxes(role, asked)
  const request = aRequest(asked)
  const namespaces = [role.namespace || '*']
  return role.rules.some((rule) => scopeCovers({ ...rule, namespaces }, request, request.verb))
}

function byBoxes(role: Role, asked: Asked): boolean {
  const region = rbacRegion([...role.rules, ...role.paths], role.namespace || undefined)
  const { verb, apiGroup, resource, subresource, namespace, name, path } = aRequest(asked)
  const what =
    asked.path === undefined
      ? { kind: 'resource', apiGroup, resource, subresource, namespace, name }
      : { kind: 'path', path }
  return regionHas(region, new Map(Object.entries({ guard: 'none', verb, ...what })))
}

/** So many at the same time, in the order of the list. */
async function inTurns<Item>(
  items: readonly Item[],
  run: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries()
  const worker = async () => {
    for (const [index, item] of rest) await run(item, index)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}
