import { describe, expect, test } from 'vitest'
import { loadShellParsers } from '../../control-plane/commands/shell-parsers.ts'
import { aRequest, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import {
  type PodTemplateBody,
  RUNS_NOTHING,
  unreadableBody,
} from '../commands/container-command.ts'
import { parseContainers } from '../commands/parse-containers.ts'
import type { AccessPolicy } from './access-policy.ts'
import { evaluate } from './evaluate.ts'
import { parseAccessPolicy } from './parse-access-policy.ts'

const readScript = await loadShellParsers()

const WORK = {
  ...{ name: 'work', effect: 'Allow', apiGroups: ['', 'apps', 'batch'] },
  ...{ resources: ['pods', 'deployments', 'cronjobs', 'pods/ephemeralcontainers'] },
  ...{ verbs: ['create', 'update', 'patch'], namespaces: ['team', 'other'] },
}
const EXEC = {
  ...{ name: 'run', effect: 'Allow', apiGroups: [''], resources: ['pods/exec'] },
  ...{ verbs: ['get', 'create'], namespaces: ['team'] },
}

function policyOf(...rules: readonly object[]): AccessPolicy {
  const spec = { subjects: [{ kind: 'User', name: 'alice' }], rules }
  const parsed = parseAccessPolicy({ metadata: { name: 'p' }, spec }, readScript)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.invalid.problems))
  return parsed.policy
}

const deny = policyOf(WORK, { ...EXEC, commands: { deny: [['rm', '**']] } })
const READERS = [
  ['ls', '**'],
  ['cat', '**'],
]
const allow = policyOf(WORK, { ...EXEC, commands: { allow: READERS } })
const images = policyOf(WORK, {
  ...EXEC,
  commands: { allow: [...READERS, { class: 'image' }, { class: 'environment' }] },
})
const free = policyOf(WORK, EXEC)

const root = somePrincipalFacts({ name: 'alice', role: 'root requester' })
const ancestor = somePrincipalFacts({ name: 'bob', role: 'ancestor' })

function decide(template: PodTemplateBody, policy: AccessPolicy, parts = {}, above = free) {
  const deployment = { verb: 'create', apiGroup: 'apps', resource: 'deployments' }
  return evaluate(aRequest({ ...deployment, ...parts }), {
    principals: [
      { ...root, policies: [policy] },
      { ...ancestor, policies: [above] },
    ],
    guard: { namespaceInjected: true, targetContainer: '', targetRoot: 'same' },
    template,
    defaultDecision: 'SubjectAccessReview',
  })
}

function bodyOf(container: object, form: 'whole' | 'patch' = 'whole'): PodTemplateBody {
  const commands = parseContainers({ spec: { containers: [{ name: 'a', ...container }] } }, form)
  return typeof commands === 'string' ? unreadableBody(commands) : { ...RUNS_NOTHING, commands }
}

const LS = { command: ['ls', '-l'] }
const RM = { command: ['rm', '-rf', '/data'] }
const env = (name: string, value?: string) => ({ env: [{ name, value }] })

describe('evaluate() of an object that makes pods, under command rules', () => {
  test.each<[string, object, string, string]>([
    // container, under the deny list [rm **], under the allow list [ls **], [cat **]
    ['an allowed command', LS, 'allow', 'allow'],
    ['a denied command', RM, 'deny', 'deny'],
    ['a command and args', { command: ['rm'], args: ['-rf', '/'] }, 'deny', 'deny'],
    ['a script', { command: ['sh', '-c'], args: ['ls; rm -rf /'] }, 'deny', 'deny'],
    ['a script of allowed commands', { command: ['sh', '-c', 'ls | cat'] }, 'allow', 'allow'],
    ['another command', { command: ['/app/server'] }, 'allow', 'deny'],
    ['the program of the image', { image: 'x' }, 'allow', 'deny'],
    ['args that an image without entrypoint runs', { args: ['rm', '-r', '/'] }, 'deny', 'deny'],
    ['args that a shell as entrypoint reads', { args: ['-c', 'rm -r /'] }, 'deny', 'deny'],
    ['args of a program of the image', { args: ['--port=80'] }, 'allow', 'deny'],
    ['a liveness probe', { ...LS, livenessProbe: { exec: RM } }, 'deny', 'deny'],
    ['a readiness probe', { ...LS, readinessProbe: { exec: RM } }, 'deny', 'deny'],
    ['a startup probe', { ...LS, startupProbe: { exec: RM } }, 'deny', 'deny'],
    ['an allowed probe', { ...LS, livenessProbe: { exec: LS } }, 'allow', 'allow'],
    ['a probe by HTTP', { ...LS, livenessProbe: { httpGet: { port: 80 } } }, 'allow', 'allow'],
    ['a hook after the start', { ...LS, lifecycle: { postStart: { exec: RM } } }, 'deny', 'deny'],
    ['a hook before the stop', { ...LS, lifecycle: { preStop: { exec: RM } } }, 'deny', 'deny'],
    ['LD_PRELOAD', { ...LS, ...env('LD_PRELOAD', '/x') }, 'deny', 'deny'],
    ['PATH', { ...LS, ...env('PATH', '/x') }, 'deny', 'deny'],
    ['BASH_ENV', { ...LS, ...env('BASH_ENV', '/x') }, 'deny', 'deny'],
    ['BASH_ENV with the program of the image', env('BASH_ENV', '/x'), 'deny', 'deny'],
    ['a harmless variable', { ...LS, ...env('TZ', 'UTC') }, 'allow', 'allow'],
    ['an unknown variable', { ...LS, ...env('MODE', 'x') }, 'allow', 'deny'],
    ['variables from a ConfigMap', { ...LS, envFrom: [{ configMapRef: {} }] }, 'deny', 'deny'],
    ['those with a prefix', { ...LS, envFrom: [{ prefix: 'APP_' }] }, 'allow', 'deny'],
    ['those with a prefix of LD_', { ...LS, envFrom: [{ prefix: 'L' }] }, 'deny', 'deny'],
    ['a program in a variable', { command: ['$(X)'], ...env('X', 'rm') }, 'deny', 'deny'],
    ['a program in two', { command: ['$(X)m'], ...env('X', 'r') }, 'deny', 'deny'],
    [
      'an allowed one in a variable',
      { command: ['$(LANG)'], ...env('LANG', 'ls') },
      'allow',
      'allow',
    ],
    [
      'a program in a variable of a Secret',
      { command: ['$(X)'], env: [{ name: 'X', valueFrom: {} }] },
      'deny',
      'deny',
    ],
    [
      'a script in a variable',
      { command: ['sh', '-c', '$(X)'], ...env('X', 'rm /') },
      'deny',
      'deny',
    ],
    ['a service in a program', { command: ['$(WEB_SERVICE_HOST)'] }, 'deny', 'deny'],
    ['an escaped reference', { command: ['ls', '$$(X)'], ...env('TZ', 'x') }, 'allow', 'allow'],
    ['a substitution of the shell', { command: ['sh', '-c', 'ls $(cat x)'] }, 'allow', 'allow'],
    ['one that is denied', { command: ['sh', '-c', 'ls $(rm x)'] }, 'deny', 'deny'],
    [
      'a probe with a variable',
      { ...LS, ...env('X', 'rm'), livenessProbe: { exec: { command: ['$(X)', '/'] } } },
      'deny',
      'deny',
    ],
    ['a mount over programs', { ...LS, volumeMounts: [{ mountPath: '/bin/' }] }, 'deny', 'deny'],
    ['a mount over one', { ...LS, volumeMounts: [{ mountPath: '/usr/bin/ls' }] }, 'deny', 'deny'],
    ['a mount over libraries', { ...LS, volumeMounts: [{ mountPath: '/lib' }] }, 'deny', 'deny'],
    ['a way around', { ...LS, volumeMounts: [{ mountPath: '/x/../bin' }] }, 'deny', 'deny'],
    [
      'what the loader reads',
      { ...LS, volumeMounts: [{ mountPath: '/etc/ld.so.preload' }] },
      'deny',
      'deny',
    ],
    ['a mount of data', { ...LS, volumeMounts: [{ mountPath: '/etc/app' }] }, 'allow', 'allow'],
    ['a shell with an input', { command: ['sh'], stdin: true }, 'allow', 'deny'],
    ['a command that is no list', { command: 'ls' }, 'deny', 'deny'],
    ['a command of numbers', { command: [1] }, 'deny', 'deny'],
  ])('%s', (_name, container, underDeny, underAllow) => {
    expect(decide(bodyOf(container), deny).effect).toBe(underDeny)
    expect(decide(bodyOf(container), allow).effect).toBe(underAllow)
    expect(decide(bodyOf(container), free).effect).toBe('allow')
  })

  test.each<[string, object, string]>([
    ['the program of an image', { image: 'x' }, 'allow'],
    ['one with variables', { image: 'x', ...env('MODE', 'x') }, 'allow'],
    ['args that are allowed as a command', { args: ['ls'] }, 'allow'],
    ['args that are not', { args: ['--port=80'] }, 'deny'],
    ['a shell in args', { args: ['sh', '-c', 'id'] }, 'deny'],
    ['another command', { command: ['id'] }, 'deny'],
  ])('an allow list that names the class image: %s', (_name, container, effect) => {
    expect(decide(bodyOf(container), images).effect).toBe(effect)
  })

  test.each<[string, object, string, string]>([
    ['an image only', { image: 'x' }, 'allow', 'allow'],
    ['a port only', { ports: [{ containerPort: 80 }] }, 'allow', 'allow'],
    ['a denied command', RM, 'deny', 'deny'],
    ['an allowed command', LS, 'allow', 'allow'],
    ['args whose command is stored', { args: ['-c', 'rm x'] }, 'deny', 'deny'],
    ['LD_PRELOAD only', env('LD_PRELOAD', '/x'), 'deny', 'deny'],
    ['a probe', { livenessProbe: { exec: RM } }, 'deny', 'deny'],
    ['no command any more', { command: null }, 'allow', 'deny'],
    ['a part of a list', { '$deleteFromPrimitiveList/args': ['x'] }, 'deny', 'deny'],
    ['a container that goes', { $patch: 'delete', ...RM }, 'allow', 'allow'],
  ])('a patch of %s', (_name, container, underDeny, underAllow) => {
    const body = bodyOf(container, 'patch')
    expect(decide(body, deny, { verb: 'patch' }).effect).toBe(underDeny)
    expect(decide(body, allow, { verb: 'patch' }).effect).toBe(underAllow)
  })

  test('looks at no rule for another namespace', () => {
    expect(decide(bodyOf(RM), deny, { namespace: 'other' }).effect).toBe('allow')
  })

  test('the rules of an ancestor count as well', () => {
    const decision = decide(bodyOf(RM), free, {}, deny)
    expect(decision).toMatchObject({ effect: 'deny', refusedBy: ancestor.principal, rule: 'p/run' })
  })

  test('says where the command stands, quotes it, and names the rule', () => {
    expect(decide(bodyOf({ ...LS, livenessProbe: { exec: RM } }), deny)).toMatchObject({
      reason: 'command_denied',
      rule: 'p/run',
      detail:
        'spec.containers[0] (a).livenessProbe: the command rm -rf /data is denied by the pattern ["rm","**"]; run another command',
    })
    expect(decide(bodyOf({ image: 'x' }), allow)).toMatchObject({
      detail: expect.stringContaining('write the program and its arguments out in command'),
    })
  })

  test('a body that cannot be read is refused where there are command rules', () => {
    const unread = unreadableBody('send JSON', true)
    expect(decide(unread, free).effect).toBe('allow')
    expect(decide(unread, deny)).toMatchObject({ detail: 'send JSON', wrongMediaType: true })
  })

  test('a rule that itself is about the objects counts, too', () => {
    const all = { ...EXEC, name: 'all', resources: ['*'], apiGroups: ['*'], namespaces: ['*'] }
    const policy = policyOf({ ...all, verbs: ['*'], commands: { deny: [['rm', '**']] } })
    expect(decide(bodyOf(RM), policy, { namespace: 'other' }, policy).effect).toBe('deny')
    expect(decide(bodyOf(LS), policy, { namespace: 'other' }, policy).effect).toBe('allow')
  })
})

describe('parseContainers()', () => {
  const template = (list: string, ...containers: readonly object[]) => ({
    spec: { [list]: containers },
  })
  test.each([
    ['a Pod', template('containers', RM)],
    ['init containers', template('initContainers', RM)],
    ['ephemeral containers', template('ephemeralContainers', RM)],
    ['the second of a list', template('containers', LS, RM)],
    ['a Deployment', { spec: { template: template('containers', RM) } }],
    ['a CronJob', { spec: { jobTemplate: { spec: { template: template('containers', RM) } } } }],
    ['a PodTemplate', { template: template('containers', RM) }],
    ['a ControllerRevision', { data: { spec: { template: template('containers', RM) } } }],
  ])('finds what runs in %s', (_name, object) => {
    const commands = parseContainers(object, 'whole')
    expect(commands).toContainEqual(expect.objectContaining({ command: RM.command }))
  })

  test('looks at the lists that are named only', () => {
    expect(parseContainers(template('containers', RM), 'whole', ['ephemeralContainers'])).toEqual(
      [],
    )
  })

  test.each([
    ['no object', [1]],
    ['none', null],
    ['a text', 'x'],
    ['no containers', { spec: {} }],
    ['an empty list', template('containers')],
  ])('finds nothing in %s', (_name, object) => {
    expect(parseContainers(object, 'whole')).toEqual([])
  })

  test('reads variables that double each other in good time, and does not know them', () => {
    const doubled = Array.from({ length: 200 }, (_, index) => ({
      name: `A${index + 1}`,
      value: `$(A${index})$(A${index})`,
    }))
    const env = [{ name: 'A0', value: 'x' }, ...doubled]
    const read = parseContainers(template('containers', { command: ['$(A200)'], env }), 'whole')
    expect(read).toMatchObject([{ command: ['$(A200)'], computed: [0] }])
  })

  const deep = (depth: number): unknown => (depth === 0 ? {} : { x: deep(depth - 1) })
  test.each([
    ['containers that are no list', { spec: { containers: {} } }, /is no list/],
    ['a container that is none', { spec: { containers: ['x'] } }, /is no object/],
    ['objects in each other without end', deep(40), /too many objects in each other/],
    [
      'more commands than are judged',
      template('containers', ...Array.from({ length: 257 }, () => LS)),
      /too many commands/,
    ],
    ['too long a command', template('containers', { command: ['x'.repeat(70_000)] }), /too long/],
    ['a variable without a name', template('containers', { env: [{}] }), /must have a name/],
  ])('does not tell %s', (_name, object, problem) => {
    expect(parseContainers(object, 'whole')).toMatch(problem)
  })
})
