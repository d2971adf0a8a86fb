import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadShellParsers } from '../../control-plane/commands/shell-parsers.ts'
import { parseExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { type AccessPolicy, policyNames } from '../../core/policy/access-policy.ts'
import { evaluate } from '../../core/policy/evaluate.ts'
import { parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import { aRequest } from '../support/policy-builders.ts'
import { aUser } from '../support/record-builders.ts'

const readScript = await loadShellParsers()
const FOLDER = join(import.meta.dirname, '../../examples/policies')
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))

function policyOf(file: string): AccessPolicy {
  const parsed = parseAccessPolicy(parse(readFileSync(join(FOLDER, file), 'utf8')), readScript)
  if (!parsed.ok) throw new Error(`${file} is not valid: ${JSON.stringify(parsed.invalid)}`)
  return parsed.policy
}

const alice = aUser('alice')
const developer = aUser('dave')
const onCall = aUser('erin', ['on-call'])
const pipeline = serviceAccountUser('ci', 'pipeline')
const nightly = serviceAccountUser('production', 'nightly')

type Asked = Partial<RequestAttributes>
const exec = { verb: 'get', alsoVerbs: ['create'], subresource: 'exec', name: 'web' } as const
const running = (...command: readonly string[]) => ({
  ...exec,
  exec: parseExecAttributes(command.map((word) => ['command', word] as const)),
})
const deployments = { apiGroup: 'apps', resource: 'deployments' } as const

describe('examples/policies', () => {
  test.each(files)('%s is valid, has a row in the README, and says what it is for', (file) => {
    expect(policyOf(file).rules.length).toBeGreaterThan(0)
    expect(readFileSync(join(FOLDER, 'README.md'), 'utf8')).toContain(`(${file})`)
    expect(readFileSync(join(FOLDER, file), 'utf8')).toMatch(/^# \w/)
  })

  test.each<[string, UserInfo, Asked, string]>([
    ['look-inside.yaml', developer, running('cat', '/etc/hosts'), 'allow'],
    ['look-inside.yaml', developer, running('sh', '-c', 'df -h | head -3'), 'allow'],
    ['look-inside.yaml', developer, running('sh', '-c', 'df -h; rm /x'), 'deny'],
    ['look-inside.yaml', developer, running('sh'), 'deny'],
    ['look-inside.yaml', developer, running('cat', '/run/secrets/token'), 'deny'],
    ['look-only.yaml', alice, { verb: 'list' }, 'allow'],
    ['look-only.yaml', alice, { verb: 'get', subresource: 'log' }, 'allow'],
    ['look-only.yaml', alice, { resource: 'secrets' }, 'deny'],
    ['look-only.yaml', alice, { verb: 'create' }, 'deny'],
    ['look-only.yaml', alice, { verb: 'list', namespace: '' }, 'deny'],
    ['look-only.yaml', alice, { namespace: 'other' }, 'deny'],
    [
      'start-work.yaml',
      developer,
      { verb: 'create', apiGroup: 'batch', resource: 'jobs' },
      'allow',
    ],
    ['start-work.yaml', developer, { verb: 'patch', apiGroup: 'batch', resource: 'jobs' }, 'deny'],
    ['start-work.yaml', developer, { subresource: 'log' }, 'allow'],
    ['start-work.yaml', developer, exec, 'deny'],
    [
      'deploy.yaml',
      pipeline,
      { ...deployments, verb: 'patch', alsoVerbs: ['create'], namespace: 'staging' },
      'allow',
    ],
    ['deploy.yaml', pipeline, { ...deployments, verb: 'delete', namespace: 'staging' }, 'deny'],
    ['deploy.yaml', pipeline, { ...deployments, verb: 'patch', namespace: 'production' }, 'deny'],
    ['deploy.yaml', pipeline, { resource: 'secrets', namespace: 'staging' }, 'deny'],
    ['on-call.yaml', onCall, { ...exec, namespace: 'production' }, 'allow'],
    ['on-call.yaml', onCall, { ...exec, namespace: 'team' }, 'deny'],
    ['on-call.yaml', onCall, { verb: 'delete', namespace: 'production' }, 'deny'],
    [
      'no-deletes.yaml',
      nightly,
      { ...deployments, verb: 'update', namespace: 'production' },
      'allow',
    ],
    [
      'no-deletes.yaml',
      nightly,
      { ...deployments, verb: 'delete', namespace: 'production' },
      'deny',
    ],
    ['no-deletes.yaml', nightly, { verb: 'deletecollection', namespace: 'production' }, 'deny'],
  ])('%s for %o that asks %j', (file, user, asked, effect) => {
    const policy = policyOf(file)
    expect(policyNames(policy.subjects, user)).toBe(true)
    const principal = { role: 'root requester' as const, user }
    const facts = { principal, policies: [policy], invalidPolicies: [], access: 'denied' as const }
    const decision = evaluate(aRequest(asked), {
      principals: [facts],
      // Into a pod that somebody else launched.
      guard: { namespaceInjected: true, targetContainer: 'app', targetRoot: 'other' },
      closed: false,
      defaultDecision: 'Deny',
    })
    expect(decision.effect).toBe(effect)
  })

  test.each(files)('%s names nobody else', (file) => {
    expect(policyNames(policyOf(file).subjects, aUser('mallory', ['visitors']))).toBe(false)
  })
})
