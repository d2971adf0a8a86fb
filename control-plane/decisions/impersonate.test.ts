import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import type { Impersonation } from '../../core/kubernetes/impersonation.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { AccessPolicy, PolicyRule } from '../../core/policy/access-policy.ts'
import { aRequest, aRule } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding } from '../../test/support/record-builders.ts'
import { createGrownBindings } from '../chains/grown-bindings.ts'
import { openStore } from '../store/open-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { Store } from '../store/store.ts'
import { createDecider, type Decider } from './decide.ts'

/* Impersonation, with the real store and the real rules. */

let store: Store
let decider: Decider
let binding: PodBinding
let policies: Map<string, AccessPolicy>
/** `user verb resource name` that the authorizer denies; all else it allows. */
let denied: Set<string>
let asked: string[]
let observed: boolean

const ALICE = 'alice'
const ALLOW_ALL = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }

beforeEach(async () => {
  store = await openStore(':memory:')
  binding = await store.bindings.record(aBinding([AGENT]))
  policies = new Map()
  denied = new Set()
  asked = []
  observed = false
  decider = createDecider({
    ...store,
    facts: {
      policiesFor: ({ username }: UserInfo) => ({
        policies: [policies.get(username)].filter((policy) => policy !== undefined),
        invalid: [],
      }),
      maskProfile: () => undefined,
      isInjected: () => true,
      isObserved: () => observed,
      namespaceLabels: () => ({}),
      isRbacSynced: () => true,
      problem: () => undefined,
      stop: () => undefined,
    },
    access: {
      peek: () => undefined,
      forget: () => undefined,
      async review({ username, groups }, { verb, resource, name }) {
        const question = `${username} ${verb} ${resource} ${name}`
        asked.push(`${question} ${groups.join('+')}`)
        return denied.has(question) ? 'denied' : 'allowed'
      },
    },
    lapses: {
      lapseOf: () => undefined,
      endsAtMs: () => Number.POSITIVE_INFINITY,
      warningOf: () => '',
    },
    grown: createGrownBindings(),
    readPodUid: async () => AGENT.podUid,
    defaultDecision: 'SubjectAccessReview',
    now: () => 1_795_000_000_000,
  })
})
afterEach(() => store.close())

const tenant = (parts: Partial<UserInfo> = {}, problem = ''): Impersonation => ({
  user: { username: 'tenant', uid: '', groups: [], extra: {}, ...parts },
  problem,
})

function aQuestion(impersonation: Impersonation): Question {
  return {
    attributes: aRequest({ verb: 'get', resource: 'secrets', name: 'hidden' }),
    container: 'app',
    userAgent: 'curl/8',
    targetContainer: '',
    refusedBecause: '',
    impersonation,
  }
}

function aPolicy(...rules: readonly Partial<PolicyRule>[]): AccessPolicy {
  return { name: 'policy', subjects: [], rules: rules.flatMap((parts) => aRule(parts).rules) }
}

function lift(resources: readonly string[] = ['*'], rest: Partial<PolicyRule> = ALLOW_ALL): void {
  const verbs = ['impersonate']
  policies.set(ALICE, aPolicy({ ...ALLOW_ALL, resources, verbs, lifts: ['impersonation'] }, rest))
}

async function decide(impersonation: Impersonation) {
  const answer = await decider.decide(binding, aQuestion(impersonation))
  return { ...answer, event: await store.auditEvents.get(answer.decisionId) }
}

describe('decide() with an impersonation', () => {
  test('denies by the guard, on record, and reviews nobody', async () => {
    const { effect, refusal, event, impersonationJudged } = await decide(tenant())
    expect([effect, impersonationJudged]).toEqual(['deny', true])
    expect(refusal?.message).toMatch(
      /^users "tenant" is forbidden: alice .* cannot impersonate resource "users" .* without Impersonate-\* headers .*\(guard impersonation\)/,
    )
    expect(event).toMatchObject({
      effect: 'deny',
      reason: 'guard',
      rule: 'impersonation',
      attributes: { verb: 'get', resource: 'secrets' },
      impersonatedUser: { username: 'tenant', groups: ['system:authenticated'] },
    })
    expect(asked).toEqual([])
  })

  test.each(['impersonate-foo is not known', 'two users are named'])(
    'denies by the guard when %s, whatever is lifted',
    async (problem) => {
      lift()
      const { effect, refusal, event } = await decide(tenant({}, problem))
      expect(effect).toBe('deny')
      expect(refusal?.message).toContain(`(guard impersonation): ${problem}`)
      expect(event).toMatchObject({ reason: 'guard', rule: 'impersonation' })
    },
  )

  test('allows when the guard is lifted, the chain may, and the impersonated may', async () => {
    lift()
    const { effect, event } = await decide(tenant({ groups: ['a'] }))
    expect(effect).toBe('allow')
    expect(asked).toEqual(['tenant get secrets hidden a+system:authenticated'])
    expect(event).toMatchObject({ effect: 'allow', impersonatedUser: { username: 'tenant' } })
  })

  test('denies what the impersonated may not', async () => {
    lift()
    denied.add('tenant get secrets hidden')
    const { effect, refusal, event } = await decide(tenant())
    expect(effect).toBe('deny')
    expect(refusal?.message).toContain('tenant (whom pod team/agent impersonates')
    expect(event).toMatchObject({ reason: 'rbac_denies', refusedBy: 'tenant' })
  })

  test('denies what the chain may not, although the impersonated may', async () => {
    lift(['users'], { ...ALLOW_ALL, resources: ['pods'] })
    const { effect, event } = await decide(tenant())
    expect([effect, event?.refusedBy]).toEqual(['deny', ALICE])
  })

  test.each([
    ['a group', { groups: ['system:masters'] }, 'groups'],
    ['a UID', { uid: '7' }, 'uids'],
    ['extra', { extra: { scopes: ['x'] } }, 'userextras/scopes'],
    ['a service account', { username: 'system:serviceaccount:team:w' }, 'serviceaccounts'],
  ])('denies %s where only users are lifted', async (_name, parts, resource) => {
    lift(['users'])
    const { effect, refusal } = await decide(tenant(parts))
    expect(effect).toBe('deny')
    expect(refusal?.message).toContain(`impersonate resource "${resource}"`)
  })

  test('asks each principal that no policy names for the verb impersonate', async () => {
    lift()
    const team = 'system:serviceaccount:team:agent'
    binding = await store.bindings.record(
      aBinding([AGENT, { ...AGENT, podUid: 'second', name: 'second' }]),
    )
    denied.add(`${team} impersonate users tenant`)
    const { effect, event } = await decide(tenant())
    expect([effect, event?.reason, event?.refusedBy]).toEqual(['deny', 'rbac_denies', team])
  })

  test('lets a policy about the impersonated narrow it, and lift nothing', async () => {
    policies.set('tenant', aPolicy({ ...ALLOW_ALL, lifts: ['impersonation'] }))
    expect((await decide(tenant())).event?.rule).toBe('impersonation')
    lift()
    policies.set('tenant', aPolicy({ ...ALLOW_ALL, resources: ['pods'] }))
    expect((await decide(tenant())).event).toMatchObject({
      reason: 'no_rule',
      refusedBy: 'tenant',
    })
  })

  test('warns where the namespace only observes, and says that it judged', async () => {
    observed = true
    const { effect, warning, impersonationJudged } = await decide(tenant())
    expect([effect, impersonationJudged]).toEqual(['allow', true])
    expect(warning).toContain('guard impersonation')
  })

  test('stillAllows() judges the impersonation of an open request again', async () => {
    lift()
    expect(await decider.stillAllows(binding, aQuestion(tenant()))).toBe(true)
    denied.add('tenant get secrets hidden')
    expect(await decider.stillAllows(binding, aQuestion(tenant()))).toBe(false)
    denied.clear()
    policies.clear()
    expect(await decider.stillAllows(binding, aQuestion(tenant()))).toBe(false)
  })
})

describe('prospect() of every verb on what is impersonated', () => {
  const ask = () =>
    decider.prospect(binding, {
      attributes: aRequest({ verb: '*', resource: 'users', namespace: '' }),
      targetContainer: '',
    })

  test('says no, and names the guard', async () => {
    await expect(ask()).resolves.toMatchObject({
      effect: 'deny',
      reason: expect.stringContaining('impersonation'),
    })
  })

  test.each([
    [['impersonation' as const], true],
    [['credentials' as const], false],
    [[], false],
  ])('says, where a policy lifts %j, %j', async (lifts, allowed) => {
    policies.set(ALICE, aRule({ ...ALLOW_ALL, lifts }))
    await expect(ask()).resolves.toMatchObject({ effect: allowed ? 'allow' : 'deny' })
  })

  test('says no where a policy forbids to impersonate, whatever it lifts', async () => {
    const lifting = aRule({ ...ALLOW_ALL, lifts: ['impersonation'] })
    const denying = aRule({ ...ALLOW_ALL, effect: 'Deny', verbs: ['impersonate'] })
    policies.set(ALICE, { ...lifting, rules: [...denying.rules, ...lifting.rules] })
    await expect(ask()).resolves.toMatchObject({ effect: 'deny' })
  })
})
