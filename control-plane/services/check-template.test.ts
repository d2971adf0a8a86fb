import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RUNS_NOTHING, unreadableBody } from '../../core/commands/container-command.ts'
import { parseContainers } from '../../core/commands/parse-containers.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import type { AccessPolicy } from '../../core/policy/access-policy.ts'
import { aRule } from '../../test/support/policy-builders.ts'
import { AGENT, aBinding, aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { createTemplateCheck } from './check-template.ts'

let store: Store
beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT]))
})
afterEach(() => store.close())

const literal = (text: string) => ({ kind: 'literal' as const, text })
const NO_RM = {
  deny: [{ tokens: [literal('rm'), { kind: 'rest' as const }] }],
  readScript: () => [],
}
const EXEC = { resources: ['pods/exec'], verbs: ['create'], commands: NO_RM }
const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
const POD = { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } }

interface World {
  readonly policy?: AccessPolicy
  readonly observed?: boolean
  readonly problem?: string
}

async function check(
  command: readonly string[],
  { policy = aRule(EXEC), observed = false, problem }: World,
  user: UserInfo = POD,
  template = bodyOf(command),
) {
  const checkTemplate = createTemplateCheck({
    bindings: store.bindings,
    facts: {
      policiesFor: ({ username }) => ({
        policies: username === 'alice' ? [policy] : [],
        invalid: [],
      }),
      ...{ isObserved: () => observed, problem: () => problem },
    },
  })
  const context = { user, namespace: 'team', controller: undefined, dryRun: false }
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', template }
  return checkTemplate(context, object)
}

function bodyOf(command: readonly string[]) {
  const commands = parseContainers({ spec: { containers: [{ name: 'a', command }] } }, 'whole')
  if (typeof commands === 'string') throw new Error(commands)
  return { ...RUNS_NOTHING, commands }
}

const RM = ['rm', '/x']

describe('createTemplateCheck()', () => {
  test('refuses what a rule of the root requester of the pod denies, and says all', async () => {
    await expect(check(RM, {})).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringMatching(
        /alice may not have pod team\/agent make pods of Deployment web: rule "policy\/rule" .*: spec\.containers\[0\] \(a\): the command rm \/x is denied/,
      ),
    })
  })

  test.each<[string, readonly string[], World]>([
    ['what the rules let run', ['ls'], {}],
    ['anything without rules for commands', RM, { policy: aRule({ resources: ['pods/exec'] }) }],
    ['anything where a namespace only observes', RM, { observed: true }],
    [
      'what rules for another namespace deny',
      RM,
      { policy: aRule({ ...EXEC, namespaces: ['x'] }) },
    ],
  ])('admits %s', async (_name, command, world) => {
    await expect(check(command, world)).resolves.toBeUndefined()
  })

  test('admits what a person writes', async () => {
    await expect(check(RM, {}, aUser('alice'))).resolves.toBeUndefined()
  })

  test('counts a rule that is about the object itself', async () => {
    const policy = aRule({
      ...{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'], commands: NO_RM },
    })
    await expect(check(RM, { policy })).rejects.toMatchObject({ code: 'permission_denied' })
  })

  test('refuses what cannot be told', async () => {
    const unread = unreadableBody('it has too many commands')
    await expect(check(RM, {}, POD, unread)).rejects.toThrow(/it has too many commands/)
  })

  test('gives no answer while policies may have been missed', async () => {
    const problem = 'accesspolicies are not in sync'
    await expect(check(['ls'], { problem })).rejects.toMatchObject({ code: 'decision_unavailable' })
  })
})
