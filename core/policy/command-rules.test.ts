import { describe, expect, test } from 'vitest'
import { loadShellParsers } from '../../control-plane/commands/shell-parsers.ts'
import { aRequest, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import type { ExecAttributes } from '../kubernetes/exec-attributes.ts'
import type { AccessPolicy } from './access-policy.ts'
import { evaluate } from './evaluate.ts'
import { parseAccessPolicy } from './parse-access-policy.ts'

const readScript = await loadShellParsers()

const RULE = {
  ...{ name: 'run', effect: 'Allow', apiGroups: [''], resources: ['pods/exec', 'pods/attach'] },
  ...{ verbs: ['get', 'create'], namespaces: ['team'] },
}

function objectOf(commands: unknown, rule: object = {}): unknown {
  const subjects = [{ kind: 'User', name: 'alice' }]
  return { metadata: { name: 'p' }, spec: { subjects, rules: [{ ...RULE, ...rule, commands }] } }
}

function policyOf(commands: unknown, rule: object = {}): AccessPolicy {
  const parsed = parseAccessPolicy(objectOf(commands, rule), readScript)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.invalid.problems))
  return parsed.policy
}

const EXEC: ExecAttributes = {
  ...{ command: [], env: [], container: '', stdin: false },
  ...{ stdout: true, stderr: true, tty: false },
}

const root = somePrincipalFacts({ name: 'alice', role: 'root requester' })
const ancestor = somePrincipalFacts({ name: 'bob', role: 'ancestor' })

function decide(
  policies: readonly AccessPolicy[],
  exec: Partial<ExecAttributes> | undefined,
  subresource = 'exec',
  ancestorPolicies: readonly AccessPolicy[] = [],
) {
  const attributes = exec === undefined ? {} : { exec: { ...EXEC, ...exec } }
  const request = { verb: 'create', subresource, name: 'web', ...attributes }
  return evaluate(aRequest(request), {
    principals: [
      { ...root, policies },
      { ...ancestor, policies: ancestorPolicies },
    ],
    guard: { namespaceInjected: true, targetContainer: 'app', targetRoot: 'same' },
    defaultDecision: 'SubjectAccessReview',
  })
}

const noRm = policyOf({ deny: [['rm', '**']] })
const lsOnly = policyOf({ allow: [['ls', '**']] })
const readers = policyOf({
  allow: [
    ['sort', '**'],
    ['git', '**'],
  ],
})
const anything: AccessPolicy = {
  ...noRm,
  name: 'q',
  rules: noRm.rules.map(({ commands: _, ...rule }) => ({ ...rule, name: 'any' })),
}

describe('evaluate() of an exec under command rules', () => {
  test.each<[string, readonly AccessPolicy[], Partial<ExecAttributes>, string]>([
    ['a command that is not denied', [noRm], { command: ['ls'] }, 'allow'],
    ['a denied command', [noRm], { command: ['rm', '/x'] }, 'deny'],
    ['a denied command in a script', [noRm], { command: ['sh', '-c', 'ls; rm x'] }, 'deny'],
    ['a denied command, allowed by another rule', [anything, noRm], { command: ['rm'] }, 'deny'],
    ['a command without rules for commands', [anything], { command: ['rm'] }, 'allow'],
    ['an allowed command', [lsOnly], { command: ['ls', '-l'] }, 'allow'],
    ['an allowed reader', [readers], { command: ['sort', '-u', 'a'] }, 'allow'],
    ['a reader that writes', [readers], { command: ['sort', '-o', '/bin/ls', 'a'] }, 'deny'],
    ['a log into a file', [readers], { command: ['git', 'log', '--output=/bin/ls'] }, 'deny'],
    ['a clock over a file', [lsOnly], { command: ['time', '-o', '/bin/ls', 'ls'] }, 'deny'],
    ['another command', [lsOnly], { command: ['cat'] }, 'deny'],
    ['both lists, of two policies', [lsOnly, noRm], { command: ['cat'] }, 'deny'],
    ['an interactive shell under a deny list', [noRm], { command: ['sh'], stdin: true }, 'allow'],
    [
      'an interactive shell under an allow list',
      [lsOnly],
      { command: ['sh'], stdin: true },
      'deny',
    ],
    ['LD_PRELOAD', [noRm], { command: ['ls'], env: ['LD_PRELOAD=/x'] }, 'deny'],
    ['a harmless variable', [lsOnly], { command: ['ls'], env: ['LANG=C'] }, 'allow'],
    ['no command', [noRm], { command: [] }, 'deny'],
    [
      'a command of which only the beginning is kept',
      [noRm],
      { command: ['ls'], commandShortened: { count: 2, sha256: '' } },
      'deny',
    ],
  ])('%s', (_name, policies, exec, effect) => {
    expect(decide(policies, exec).effect).toBe(effect)
  })

  test.each([
    ['with an input, under an allow list', lsOnly, true, 'deny'],
    ['without an input', lsOnly, false, 'allow'],
    ['with an input, under a deny list', noRm, true, 'allow'],
  ])('attach %s', (_name, policy, stdin, effect) => {
    expect(decide([policy], { stdin }, 'attach').effect).toBe(effect)
  })

  test('the rules of an ancestor count as well', () => {
    const decision = decide([anything], { command: ['rm', '/x'] }, 'exec', [noRm])
    expect(decision).toMatchObject({ effect: 'deny', refusedBy: ancestor.principal })
  })

  test('a question about exec in general is not refused for its command', () => {
    expect(decide([lsOnly], undefined).effect).toBe('allow')
  })

  test('names the rule, quotes the part that is refused, and says what to do', () => {
    const command = ['sh', '-c', `ls; rm ${'x'.repeat(500)}`]
    const decision = decide([noRm], { command })
    expect(decision).toMatchObject({ reason: 'command_denied', rule: 'p/run' })
    const detail = decision.effect === 'deny' ? (decision.detail ?? '') : ''
    expect(detail).toMatch(
      /^the command rm x+… is denied by the pattern \["rm","\*\*"\]; run another/,
    )
    expect(detail.length).toBeLessThan(300)
  })
})

describe('parseAccessPolicy() with commands', () => {
  test.each<[string, unknown, object, RegExp]>([
    ['neither list', {}, {}, /commands: must have an allow or a deny list/],
    ['a text', 'rm', {}, /commands: must have an allow or a deny list/],
    ['another list', { allow: [['ls']], block: [] }, {}, /commands\.block: is not a known field/],
    ['an empty list', { deny: [] }, {}, /deny: must be a list with 1 to 256 entries/],
    ['an empty pattern', { deny: [[]] }, {}, /deny\[0\]: must be a list of 1 to 256 texts/],
    ['a number', { deny: [['rm', 1]] }, {}, /deny\[0\]: must be a list of 1 to 256 texts/],
    ['a line as a word', { deny: [['rm -rf']] }, {}, /must be the name of a program alone/],
    ['a star in a word', { deny: [['rm', '/tmp/*']] }, {}, /"\*" must stand alone/],
    ['** before the end', { deny: [['rm', '**', 'x']] }, {}, /nothing may follow it/],
    ['an unknown class', { allow: [{ class: 'x' }] }, {}, /must be one of shell, interpreter/],
    ['both', { allow: [{ class: 'shell', pattern: ['sh'] }] }, {}, /either a pattern or a class/],
    ['a Deny', { deny: [['rm']] }, { effect: 'Deny' }, /only an Allow can have commands/],
    ['other resources', { deny: [['rm']] }, { resources: ['pods'] }, /must name pods\/exec/],
    [
      'an example that does not match',
      { deny: [{ pattern: ['rm', '-rf', '*'], examples: { matches: [['rm', 'x']] } }] },
      {},
      /deny\[0\]\.examples\.matches\[0\]: the pattern \["rm","-rf","\*"\] does not match \["rm","x"\]/,
    ],
    [
      'an example that matches',
      { allow: [{ pattern: ['ls', '**'], examples: { not: [['sh', '-c', 'ls']] } }] },
      {},
      /allow\[0\]\.examples\.not\[0\]: the pattern \["ls","\*\*"\] matches \["sh","-c","ls"\]/,
    ],
  ])('refuses %s', (_name, commands, rule, problem) => {
    expect(parseAccessPolicy(objectOf(commands, rule), readScript)).toHaveProperty(
      'invalid.problems',
      expect.arrayContaining([expect.stringMatching(problem)]),
    )
  })

  test('refuses commands while there is nothing to judge them with', () => {
    expect(parseAccessPolicy(objectOf({ deny: [['rm']] }))).toHaveProperty('invalid.problems', [
      'spec.rules[0].commands: the parsers of command lines are not loaded yet',
    ])
  })

  test('takes a star that stands for itself, and examples that hold', () => {
    const pattern = ['find', '.', '-name', '\\*.log']
    const examples = { matches: [['find', '.', '-name', '*.log']], not: [['find', '.']] }
    expect(policyOf({ allow: [{ pattern, examples }] }).rules).toHaveLength(1)
  })
})
