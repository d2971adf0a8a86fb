import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { withCoRequester } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { MaskProfile } from '../../core/masking/mask-profile.ts'
import { parseMaskProfile } from '../../core/masking/parse-mask-profile.ts'
import type { AccessPolicy } from '../../core/policy/access-policy.ts'
import { type ChainLapse, expiredLapse } from '../../core/policy/chain-lapse.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { aRequest, aRule } from '../../test/support/policy-builders.ts'
import {
  AGENT,
  aBinding,
  aChain,
  anEnrolledBinding,
  aUser,
  BUILD,
  THIRD,
} from '../../test/support/record-builders.ts'
import type { Access } from '../kubernetes/access-reviewer.ts'
import { openStore } from '../store/open-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { Store } from '../store/store.ts'
import { createDecider, type Decider } from './decide.ts'

/* The real store and the real rules; only what kube-apiserver would say is given by each test. */

interface World {
  readonly access: Map<string, Access>
  readonly policies: Map<string, AccessPolicy>
  readonly invalid: Set<string>
  observed: boolean
  problem: string | undefined
  lapse: ChainLapse | undefined
  warning: string
  /** What the chain has grown to. */
  grown: PodBinding | undefined
  /** UIDs of the pods that are there, by name. */
  readonly pods: Map<string, string>
  /** Users for whom the authorizer was asked. */
  readonly asked: string[]
  /** The one MaskProfile that there is. */
  profile: MaskProfile | undefined
}

let store: Store
let world: World
let decider: Decider
let binding: PodBinding
/** Whether decisions can be put on record. */
let recording: boolean

const BUILDER = 'system:serviceaccount:team:build-x7k2'
const AGENT_ACCOUNT = 'system:serviceaccount:team:agent'

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT]))
  await store.bindings.record(aBinding([AGENT, BUILD]))
  binding = await store.bindings.record(aBinding([AGENT, BUILD, THIRD]))
  world = {
    access: new Map(),
    policies: new Map(),
    invalid: new Set(),
    observed: false,
    problem: undefined,
    lapse: undefined,
    warning: '',
    grown: undefined,
    pods: new Map([AGENT, BUILD, THIRD].map(({ name, podUid }) => [name, podUid])),
    asked: [],
    profile: undefined,
  }
  recording = true
  decider = createDecider({
    ...store,
    auditEvents: {
      ...store.auditEvents,
      append: (event) =>
        recording
          ? store.auditEvents.append(event)
          : Promise.reject(new Fault('audit_unavailable', 'The disk is full')),
    },
    facts: {
      policiesFor: ({ username }: UserInfo) => ({
        policies: [world.policies.get(username)].filter((policy) => policy !== undefined),
        invalid: world.invalid.has(username)
          ? [{ name: 'broken', subjects: [], problems: ['spec.rules: is missing'] }]
          : [],
      }),
      maskProfile: (id) => (id === world.profile?.id ? world.profile : undefined),
      isInjected: (namespace: string): boolean => namespace === 'team',
      isObserved: () => world.observed,
      namespaceLabels: () => ({}),
      isRbacSynced: () => true,
      problem: () => world.problem,
      stop: () => undefined,
    },
    access: {
      peek: () => undefined,
      forget: () => undefined,
      async review({ username }) {
        world.asked.push(username)
        return world.access.get(username) ?? 'allowed'
      },
    },
    lapses: {
      lapseOf: () => world.lapse,
      endsAtMs: () => Number.POSITIVE_INFINITY,
      warningOf: () => world.warning,
    },
    grown: { newest: (held) => world.grown ?? held },
    readPodUid: async (namespace, name) => world.pods.get(namespace === 'team' ? name : ''),
    defaultDecision: 'SubjectAccessReview',
    now: () => 1_795_000_000_000,
  })
})
afterEach(() => store.close())

function aQuestion(parts: Partial<Question> = {}): Question {
  return {
    attributes: aRequest({}),
    container: 'app',
    userAgent: 'curl/8',
    targetContainer: '',
    refusedBecause: '',
    ...parts,
  }
}

/** An exec by GET into a pod of the chain. */
function aShell(): Question {
  const attributes = aRequest({ subresource: 'exec', name: THIRD.name })
  return aQuestion({ attributes, targetContainer: 'app' })
}

const recorded = async (id: string) => store.auditEvents.get(id)

describe('decide()', () => {
  test('asks about the root requester and each ancestor, not about the pod itself', async () => {
    const { effect } = await decider.decide(binding, aQuestion())
    expect(effect).toBe('allow')
    expect(world.asked.sort()).toEqual(['alice', AGENT_ACCOUNT, BUILDER])
  })

  test.each(['alice', AGENT_ACCOUNT, BUILDER])('denies when %s alone may not', async (username) => {
    world.access.set(username, 'denied')
    const answer = await decider.decide(binding, aQuestion())
    expect(answer.effect).toBe('deny')
    expect(answer.refusal?.message).toContain(`pod team/third`)
    expect(answer.refusal?.message).toContain(answer.decisionId)
    expect(await recorded(answer.decisionId)).toMatchObject({
      effect: 'deny',
      reason: 'rbac_denies',
      refusedBy: username,
      message: answer.refusal?.message,
    })
  })

  test('records what was asked, by whom, for whom', async () => {
    const { decisionId } = await decider.decide(binding, aQuestion())
    expect(await recorded(decisionId)).toMatchObject({
      id: decisionId,
      caller: THIRD,
      chain: aChain([AGENT, BUILD, THIRD]),
      attributes: aRequest({}),
      effect: 'allow',
      container: 'app',
      userAgent: 'curl/8',
    })
  })

  test('does not answer when the authorizer did not', async () => {
    world.access.set('alice', 'unknown')
    await expect(decider.decide(binding, aQuestion())).rejects.toMatchObject({
      code: 'decision_unavailable',
    })
  })

  test('does not answer while policies or namespaces are not known', async () => {
    world.problem = 'policies are not in sync'
    await expect(decider.decide(binding, aQuestion())).rejects.toMatchObject({
      code: 'decision_unavailable',
      message: expect.stringContaining('not in sync'),
    })
  })

  test('does not answer without a record', async () => {
    recording = false
    await expect(decider.decide(binding, aQuestion())).rejects.toMatchObject({
      code: 'audit_unavailable',
    })
  })

  test('lets a policy stand in the place of RBAC for whom it names, and for nobody else', async () => {
    world.access.set('alice', 'denied')
    world.policies.set('alice', aRule({}))
    expect((await decider.decide(binding, aQuestion())).effect).toBe('allow')
    expect(world.asked).not.toContain('alice')
    world.access.set(AGENT_ACCOUNT, 'denied')
    expect((await decider.decide(binding, aQuestion())).effect).toBe('deny')
  })

  test('tells what the MaskProfiles say that hold for the answer, and nothing by one that has changed', async () => {
    const field = { apiGroups: [''], resources: ['pods'], path: '.spec.nodeName' }
    const parsed = parseMaskProfile({ metadata: { name: 'nodes' }, spec: { fields: [field] } })
    world.profile = parsed.ok ? parsed.profile : undefined
    const { id = '', definition = '' } = world.profile ?? {}
    const obligations = { ...NO_OBLIGATIONS, mask: ['env-values', id] }
    world.policies.set('alice', aRule({ obligations }))
    const answer = await decider.decide(binding, aQuestion())
    expect(answer).toMatchObject({ effect: 'allow', profiles: [{ id, definition }] })
    expect(await recorded(answer.decisionId)).toMatchObject({
      obligations: { mask: obligations.mask },
    })
    world.profile = undefined
    await expect(decider.decide(binding, aQuestion())).rejects.toMatchObject({
      code: 'decision_unavailable',
      message: expect.stringContaining('MaskProfile has changed'),
    })
  })

  test('denies whom a broken policy names', async () => {
    world.policies.set('alice', aRule({}))
    world.invalid.add('alice')
    const { decisionId, effect } = await decider.decide(binding, aQuestion())
    expect(effect).toBe('deny')
    expect(await recorded(decisionId)).toMatchObject({ reason: 'policy_invalid' })
  })

  test('judges co-requesters too', async () => {
    world.access.set('carol', 'denied')
    const chain = { ...aChain([AGENT]), coRequesters: [aUser('carol')] }
    const edited = anEnrolledBinding([AGENT], 9, { chain })
    const { effect, refusal } = await decider.decide(edited, aQuestion())
    expect(effect).toBe('deny')
    expect(refusal?.message).toContain('carol')
  })

  test('denies everything of a chain that is closed, without asking anybody', async () => {
    const chain = { ...aChain([AGENT]), closed: 'too many' }
    const closed = anEnrolledBinding([AGENT], 9, { chain })
    const { decisionId, effect, refusal } = await decider.decide(closed, aQuestion())
    expect(effect).toBe('deny')
    expect(refusal?.message).toContain('its chain is closed: too many')
    expect(await recorded(decisionId)).toMatchObject({ reason: 'chain_closed', refusedBy: '' })
    expect(await decider.stillAllows(closed, aQuestion())).toBe(false)
  })

  test('judges whoever has joined since the session began, and keeps what was decided before', async () => {
    await store.bindings.markEnrolled(THIRD.podUid, '')
    const before = await decider.decide(binding, aQuestion())
    const chain = withCoRequester(binding.chain, aUser('carol'))
    world.grown = await store.bindings.revise(binding.podUid, ({ visits }) => ({ chain, visits }))
    world.access.set('carol', 'denied')
    const after = await decider.decide(binding, aQuestion())
    expect([before.effect, after.effect]).toEqual(['allow', 'deny'])
    expect(await decider.stillAllows(binding, aQuestion())).toBe(false)
    expect((await recorded(before.decisionId))?.chain).toEqual(binding.chain)
    expect((await recorded(after.decisionId))?.chain).toEqual(chain)
  })

  test('lets a chain that has ended do nothing, asks nobody, and says what to do', async () => {
    world.lapse = expiredLapse({ role: 'root requester', user: aUser('alice') }, '365d')
    const { effect, refusal, decisionId } = await decider.decide(binding, aQuestion())
    expect([effect, world.asked]).toEqual(['deny', []])
    expect(refusal?.message).toContain('kubectl rollout restart')
    expect(await recorded(decisionId)).toMatchObject({
      reason: 'chain_expired',
      refusedBy: 'alice',
    })
    expect(await decider.stillAllows(binding, aQuestion())).toBe(false)
  })

  test('warns of a chain that ends soon', async () => {
    world.warning = 'the chain ends'
    const { effect, warning } = await decider.decide(binding, aQuestion())
    expect([effect, warning]).toEqual(['allow', 'the chain ends'])
  })

  test('refuses an empty chain', async () => {
    const empty = { ...binding, chain: { ...binding.chain, actors: [] } }
    await expect(decider.decide(empty, aQuestion())).rejects.toMatchObject({
      code: 'chain_unknown',
    })
  })

  test('records what the sidecar refused, as a refusal', async () => {
    const question = aQuestion({ refusedBecause: 'the path has an empty segment' })
    const { effect, decisionId } = await decider.decide(binding, question)
    expect(effect).toBe('deny')
    expect(world.asked).toEqual([])
    expect(await recorded(decisionId)).toMatchObject({
      reason: 'request_invalid',
      message: 'the path has an empty segment',
    })
  })

  test('keeps a user agent short and plain', async () => {
    const userAgent = `\u001b[2J\u202e${'x'.repeat(1_000)}`
    const { decisionId } = await decider.decide(binding, aQuestion({ userAgent }))
    const stored = (await recorded(decisionId))?.userAgent ?? ''
    expect(stored).toMatch(/^\?\[2J\?x+$/)
    expect(stored.length).toBe(256)
  })

  test('gives ids that grow, also within a millisecond', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => decider.decide(binding, aQuestion())),
    )
    const ids = answers.map(({ decisionId }) => decisionId)
    expect([...new Set(ids)].sort()).toEqual(ids)
  })
})

describe('decide() in an observed namespace', () => {
  test('lets pass, warns, and records the refusal', async () => {
    world.observed = true
    world.access.set('alice', 'denied')
    const answer = await decider.decide(binding, aQuestion())
    expect(answer).toMatchObject({ effect: 'allow', refusal: undefined })
    expect(answer.warning).toContain('alice')
    expect(await recorded(answer.decisionId)).toMatchObject({ effect: 'deny', observed: true })
  })

  test('has sessions recorded, which is no refusal', async () => {
    world.observed = true
    const obligations = { ...NO_OBLIGATIONS, record: 'output' as const }
    world.policies.set('alice', aRule({ verbs: ['get'], obligations }))
    const answer = await decider.decide(binding, aShell())
    expect(answer).toMatchObject({ effect: 'allow', obligations, warning: '' })
    expect(await recorded(answer.decisionId)).toMatchObject({ observed: false, obligations })
  })
})

describe('a guard', () => {
  const exec = (name: string) =>
    aQuestion({
      attributes: aRequest({ verb: 'create', subresource: 'exec', name }),
      targetContainer: 'app',
    })

  test.each([
    ['its own chain', BUILD.name, 'allow'],
    ['no pod that is there', 'absent', 'deny'],
    ['no pod on record', 'older', 'deny'],
    ['another root requester', 'other', 'deny'],
  ])('judges reaching into a pod of %s', async (_name, name, want) => {
    const other = { ...AGENT, podUid: 'other-uid', name: 'other' }
    world.pods.set('other', other.podUid).set('older', 'older-uid')
    const chain = aChain([other], aUser('bob'))
    await store.bindings.record(aBinding([], { podUid: other.podUid, chain }))
    expect((await decider.decide(binding, exec(name))).effect).toBe(want)
  })

  test.each([
    ['bob', BUILD.podUid, 'allow'],
    ['bob', 'newer-uid', 'deny'],
    ['alice', BUILD.podUid, 'allow'],
    ['alice', 'newer-uid', 'allow'],
  ])('goes by the pod that is there, whatever %s had admitted under its name', async (...row) => {
    const [username, podUid, want] = row
    const newer = { ...BUILD, podUid: 'newer-uid' }
    const chain = aChain([newer], aUser(username))
    await store.bindings.record(aBinding([], { podUid: newer.podUid, chain }))
    world.pods.set(BUILD.name, podUid)
    expect((await decider.decide(binding, exec(BUILD.name))).effect).toBe(want)
  })

  test('does not let a creation that fails open a pod of someone else', async () => {
    const web = { ...AGENT, podUid: 'web-uid', name: 'web' }
    const chain = aChain([web], aUser('bob'))
    await store.bindings.record(aBinding([], { podUid: web.podUid, chain }))
    world.pods.set('web', web.podUid)
    // Admitted for the caller, and then not stored: the name is taken.
    const phantom = aChain([AGENT, BUILD, THIRD, { ...web, podUid: 'phantom' }])
    await store.bindings.record(aBinding([], { podUid: 'phantom', chain: phantom }))
    expect((await decider.decide(binding, exec('web'))).effect).toBe('deny')
  })

  test('gives no answer about a pod of which kube-apiserver gave none', async () => {
    world.pods.get = () => {
      throw new Fault('decision_unavailable', 'no answer')
    }
    await expect(decider.decide(binding, exec(BUILD.name))).rejects.toMatchObject({
      code: 'decision_unavailable',
    })
  })

  test('refuses a launch where nothing is injected', async () => {
    const attributes = aRequest({ verb: 'create', namespace: 'open' })
    const { effect, decisionId } = await decider.decide(binding, aQuestion({ attributes }))
    expect(effect).toBe('deny')
    expect(await recorded(decisionId)).toMatchObject({ reason: 'guard' })
  })
})

test('stillAllows() judges again and records nothing', async () => {
  expect(await decider.stillAllows(binding, aQuestion())).toBe(true)
  world.access.set('alice', 'denied')
  expect(await decider.stillAllows(binding, aQuestion())).toBe(false)
  const { events } = await store.auditEvents.list({}, { afterSequence: 0, limit: 10 })
  expect(events).toEqual([])
})

test('stillAllows() lets go on what is recorded at least as much as the rules ask for', async () => {
  const record = (level: 'output' | 'all') => ({ ...NO_OBLIGATIONS, record: level })
  world.policies.set('alice', aRule({ verbs: ['get'], obligations: record('output') }))
  expect(await decider.decide(binding, aShell())).toMatchObject({
    ...{ effect: 'allow', obligations: record('output') },
  })
  expect(await decider.stillAllows(binding, aShell(), record('all'))).toBe(true)
  expect(await decider.stillAllows(binding, aShell(), record('output'))).toBe(true)
  expect(await decider.stillAllows(binding, aShell())).toBe(false)
})

describe('without sync with kube-apiserver', () => {
  beforeEach(() => {
    world.problem = 'namespaces are not in sync with kube-apiserver'
  })

  test('decide() and prospect() refuse, whatever is known', async () => {
    const code = 'decision_unavailable'
    await expect(decider.decide(binding, aQuestion())).rejects.toMatchObject({ code })
    await expect(decider.prospect(binding, aQuestion())).rejects.toMatchObject({ code })
  })

  test('stillAllows() does not believe that what is known allows a request', async () => {
    const judging = decider.stillAllows(binding, aQuestion())
    await expect(judging).rejects.toMatchObject({ code: 'decision_unavailable' })
  })

  test('stillAllows() believes a denial', async () => {
    world.access.set('alice', 'denied')
    expect(await decider.stillAllows(binding, aQuestion())).toBe(false)
  })

  test('stillAllows() does not take a review that nobody answers for a denial', async () => {
    world.access.set('alice', 'unknown')
    const judging = decider.stillAllows(binding, aQuestion())
    await expect(judging).rejects.toMatchObject({ code: 'decision_unavailable' })
  })
})

test('decide() sums up what a pod repeats and may not, and tells each caller the record', async () => {
  world.access.set('alice', 'denied')
  const ask = () => decider.decide(binding, aQuestion())
  const answers = await Promise.all(Array.from({ length: 500 }, ask))
  const { events } = await store.auditEvents.list({}, { afterSequence: 0, limit: 1_000 })
  expect(events).toHaveLength(61)
  expect(events.at(-1)?.summary?.count).toBe(440)
  const known = new Set(events.map(({ id }) => id))
  for (const { decisionId, refusal } of answers) {
    expect(known).toContain(decisionId)
    expect(refusal?.message).toContain(`[decision ${decisionId}]`)
  }
})

test.each(['allowed', 'observed'])('decide() never sums up what is forwarded: %s', async (how) => {
  world.observed = how === 'observed'
  world.access.set('alice', how === 'observed' ? 'denied' : 'allowed')
  const ask = () => decider.decide(binding, aQuestion())
  const answers = await Promise.all(Array.from({ length: 200 }, ask))
  const { events } = await store.auditEvents.list({}, { afterSequence: 0, limit: 1_000 })
  expect(new Set(answers.map(({ decisionId }) => decisionId)).size).toBe(200)
  expect(events.filter(({ summary }) => summary !== undefined)).toEqual([])
})

test('decide() bounds what it keeps of a refused request', async () => {
  world.access.set('alice', 'denied')
  const long = 'x'.repeat(2_000)
  const attributes = aRequest({ name: long, resource: long, path: `/${long}` })
  const { decisionId } = await decider.decide(binding, aQuestion({ attributes, userAgent: long }))
  const event = await recorded(decisionId)
  expect(JSON.stringify({ ...event, chain: '' }).length).toBeLessThan(3_600)
  expect(event?.attributes.name).toMatch(/^x{255}…$/)
})

describe('prospect()', () => {
  const ask = (attributes = {}) =>
    decider.prospect(binding, { attributes: aRequest(attributes), targetContainer: '' })

  test('says yes where the chain may, and records nothing', async () => {
    await expect(ask()).resolves.toMatchObject({ effect: 'allow', reason: '' })
    await expect(store.auditEvents.list({}, { afterSequence: 0, limit: 10 })).resolves.toEqual(
      expect.objectContaining({ events: [] }),
    )
  })

  test.each([
    ['on record', { record: 'all' as const }],
    ['masked', { mask: ['env-values'] }],
  ])('says yes where the chain may %s', async (_name, parts) => {
    const obligations = { ...NO_OBLIGATIONS, ...parts }
    world.policies.set('alice', aRule({ verbs: ['get'], obligations }))
    await expect(ask()).resolves.toEqual({
      effect: 'allow',
      obligations: NO_OBLIGATIONS,
      reason: '',
    })
  })

  test('says who may not and why, without a record to find', async () => {
    world.access.set('alice', 'denied')
    const { effect, reason } = await ask()
    expect(effect).toBe('deny')
    expect(reason).toMatch(/alice .*RBAC does not allow it/)
    expect(reason).not.toContain('[decision')
  })

  test('says in an observed namespace that it would pass, and what it would be told', async () => {
    world.access.set('alice', 'denied')
    world.observed = true
    await expect(ask()).resolves.toMatchObject({
      effect: 'allow',
      reason: expect.stringMatching(/only observes.*RBAC does not allow it/),
    })
  })

  test('throws what keeps a decision from being made', async () => {
    world.problem = 'the policies are not known'
    await expect(ask()).rejects.toMatchObject({ code: 'decision_unavailable' })
  })

  test.each([
    ['every verb, one of them denied', 'Deny', { verb: '*' }, /rule "p\/denies" denies it/],
    ['every resource, one of them denied', 'Deny', { resource: '*' }, /rule "p\/denies" denies it/],
  ])('says no for %s', async (_name, _effect, attributes, want) => {
    const [allows] = aRule({ verbs: ['*'], resources: ['*'] }).rules
    const [denies] = aRule({ effect: 'Deny', name: 'denies', verbs: ['get'] }).rules
    const policy = {
      ...aRule({}),
      name: 'p',
      rules: [allows, denies].filter((one) => one !== undefined),
    }
    world.policies.set('alice', policy)
    const { effect, reason } = await ask(attributes)
    expect(effect).toBe('deny')
    expect(reason).toMatch(want)
  })

  test.each([
    ['exec into some pod', { name: '' }, true],
    ['exec into a pod of its own root', { name: THIRD.name }, true],
    ['exec into a pod that is not on record', { name: 'foreign' }, false],
    ['exec by GET', { name: '', verb: 'get' }, true],
    ['a credential', { resource: 'serviceaccounts', subresource: 'token' }, false],
    ['a pod elsewhere', { subresource: '', namespace: 'other' }, false],
    ['a pod in all namespaces', { subresource: '', namespace: '' }, false],
    ['the old way to bind any pod', { resource: 'bindings', subresource: '' }, false],
  ])('judges guards of %s as of the request', async (_name, change, want) => {
    const exec = { verb: 'create', resource: 'pods', subresource: 'exec' }
    await expect(ask({ ...exec, ...change })).resolves.toMatchObject({
      effect: want ? 'allow' : 'deny',
    })
  })
})
