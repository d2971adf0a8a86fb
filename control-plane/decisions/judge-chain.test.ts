import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RUNS_NOTHING, unreadableBody } from '../../core/commands/container-command.ts'
import type { ExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import type { AccessPolicy } from '../../core/policy/access-policy.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { aRequest, aRule } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { Store } from '../store/store.ts'
import { createJudgeChain } from './judge-chain.ts'

let store: Store
let binding: PodBinding

beforeEach(async () => {
  store = await openStore(':memory:')
  binding = await store.bindings.record(aBinding([AGENT]))
})
afterEach(() => store.close())

const token = (text: string) => ({ kind: 'literal' as const, text })
const lsOnly = { allow: [{ tokens: [token('ls')] }], deny: [], readScript: () => [] }
const SHELL = { resources: ['pods/exec', 'pods/attach', 'pods/log'], verbs: ['get', 'create'] }
const EXEC: ExecAttributes = {
  ...{ command: ['ls'], env: [], container: '' },
  ...{ stdin: false, stdout: true, stderr: true, tty: false },
}

function judgeBy(policy: AccessPolicy) {
  return createJudgeChain({
    facts: {
      policiesFor: ({ username }) => ({
        policies: username === 'alice' ? [policy] : [],
        invalid: [],
      }),
      ...{ isInjected: () => true, isObserved: () => false, isRbacSynced: () => true },
      namespaceLabels: () => ({}),
      ...{ problem: () => undefined, stop: () => undefined, maskProfile: () => undefined },
    },
    access: { peek: () => 'allowed', forget: () => undefined, review: async () => 'allowed' },
    bindings: store.bindings,
    readPodUid: async () => AGENT.podUid,
    lapses: {
      lapseOf: () => undefined,
      endsAtMs: () => Number.POSITIVE_INFINITY,
      warningOf: () => '',
    },
    defaultDecision: 'SubjectAccessReview',
    now: () => 0,
    recordingDefault: 'output',
  })
}

const exec = { verb: 'create', subresource: 'exec', name: AGENT.name }

describe('createJudgeChain() of what an exec runs', () => {
  test.each([
    ['an allowed command', { ...exec, exec: EXEC }, false, 'allow'],
    ['another command', { ...exec, exec: { ...EXEC, command: ['rm'] } }, false, 'deny'],
    ['an exec whose sidecar does not say what it runs', exec, false, 'deny'],
    ['an attach whose sidecar does not say it', { ...exec, subresource: 'attach' }, false, 'deny'],
    ['a question about exec in general', exec, true, 'allow'],
    ['a log, which runs nothing', { ...exec, verb: 'get', subresource: 'log' }, false, 'allow'],
  ] as const)('%s', async (_name, parts, prospective, effect) => {
    const judge = judgeBy(aRule({ ...SHELL, commands: lsOnly }))
    const { decision } = await judge(binding, {
      ...{ attributes: aRequest(parts), targetContainer: '' },
      ...(prospective ? { prospective } : {}),
    })
    expect(decision).toMatchObject({ effect })
  })

  const SAYS = { ...RUNS_NOTHING, commands: [] }
  test.each([
    ['whose sidecar says what they run', { template: SAYS }, 'allow'],
    ['whose sidecar does not say it', {}, 'deny'],
    ['whose body cannot be read', { template: unreadableBody('send JSON') }, 'deny'],
    ['in a question in general', { prospective: true as const }, 'allow'],
  ] as const)('new pods %s', async (_name, parts, effect) => {
    const verbs = ['get', 'create']
    const judge = judgeBy(aRule({ resources: ['pods', 'pods/exec'], verbs, commands: lsOnly }))
    const attributes = aRequest({ verb: 'create' })
    const { decision } = await judge(binding, { attributes, targetContainer: '', ...parts })
    expect(decision).toMatchObject({ effect })
  })

  test.each([
    ['output', 'output'],
    ['all', 'all'],
    ['none', 'output'],
  ] as const)('a rule with record %s, by default output: %s', async (record, want) => {
    const judge = judgeBy(aRule({ ...SHELL, obligations: { ...NO_OBLIGATIONS, record } }))
    const attributes = aRequest({ ...exec, exec: EXEC })
    const { decision } = await judge(binding, { attributes, targetContainer: '' })
    expect(decision).toMatchObject({ effect: 'allow', obligations: { record: want } })
  })
})
