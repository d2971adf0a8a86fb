import { describe, expect, test } from 'vitest'
import { loadShellParsers } from '../../control-plane/commands/shell-parsers.ts'
import { aRequest, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import { goesOn } from '../commands/typed-line.ts'
import type { ExecAttributes } from '../kubernetes/exec-attributes.ts'
import type { AccessPolicy } from './access-policy.ts'
import { evaluate } from './evaluate.ts'
import { refuseLine } from './evaluate-rules.ts'
import { parseAccessPolicy } from './parse-access-policy.ts'

const readScript = await loadShellParsers()

function policyOf(commands: object, name = 'p'): AccessPolicy {
  const subjects = [{ kind: 'User', name: 'alice' }]
  const rule = {
    ...{ name: 'run', effect: 'Allow', apiGroups: [''], resources: ['pods/exec', 'pods/attach'] },
    ...{ verbs: ['get', 'create'], namespaces: ['team'], commands },
  }
  const parsed = parseAccessPolicy(
    { metadata: { name }, spec: { subjects, rules: [rule] } },
    readScript,
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.invalid.problems))
  return parsed.policy
}

const DENY_RM = policyOf({ deny: [['rm', '**']] })
const root = somePrincipalFacts({ name: 'alice', role: 'root requester' })
const ancestor = somePrincipalFacts({ name: 'bob', role: 'ancestor' })

function requestOf(command: readonly string[], subresource = 'exec') {
  const exec: ExecAttributes = {
    ...{ command, env: [], container: '' },
    ...{ stdin: true, stdout: true, stderr: false, tty: true },
  }
  return aRequest({ verb: 'create', subresource, name: 'web', exec })
}

const refused = (line: string, command = ['sh'], after = '') =>
  refuseLine(requestOf(command), { line, after }, [{ ...root, policies: [DENY_RM] }])

describe('refuseLine()', () => {
  test.each([
    ['the program', 'rm -rf /data'],
    ['a path of it', '/bin/rm x'],
    ['a list', 'cd /data && rm x'],
    ['a substitution', 'echo $(rm x)'],
    ['a wrapper', 'env -i rm x'],
    ['a script', `sh -c 'rm x'`],
    ['what is computed', '$(echo rm) x'],
    ['the begin of a loop', 'for f in *; do rm "$f"'],
    ['a line that is no script', 'rm "x'],
    ['code', `python3 -c 'import os; os.system("rm x")'`],
    ['a longer line than is parsed', `echo ${'x'.repeat(5_000)}; rm x`],
  ])('stops %s', (_name, line) => {
    expect(refused(line)).toMatch(/ \(rule p\/run\)$/)
  })

  test.each([
    ['nothing', ''],
    ['another program', 'ls -l | grep rm'],
    ['a variable', 'cd "$HOME"'],
    ['the begin of a loop', 'for f in *; do'],
    ['the end of a loop', 'done'],
    ['an open quote', 'echo "one'],
    ['words that only begin so', 'rmdir-all x'],
    ['another shell', 'bash'],
  ])('lets %s pass', (_name, line) => {
    expect(refused(line)).toBeUndefined()
  })

  test.each([
    ['a word in two lines', '-rf /data', 'r\\', undefined],
    ['a word of two lines', 'm -rf /data', 'r\\', expect.stringContaining('denied by the pattern')],
    ['text in quotes', 'two"', 'echo "one', undefined],
  ])('reads a line with what it continues: %s', (_name, line, after, want) => {
    expect(refused(line, ['sh'], after)).toEqual(want)
  })

  test.each([
    ['x = [$y]', undefined],
    ['$x y', undefined],
    ['os.system("rm x")', expect.stringContaining('names rm')],
    ['rm x', expect.stringContaining('rm')],
  ])('takes what another program reads for code: %s', (line, want) => {
    expect(refused(line, ['python3'])).toEqual(want)
    expect(refused('$x y', ['sh'])).toMatch(/computed/)
  })

  test('asks the rules of every principal', () => {
    const typed = { line: 'rm x', after: '' }
    const allowed = { ...root, policies: [policyOf({ deny: [['dd', '**']] })] }
    const other = { ...ancestor, policies: [DENY_RM] }
    expect(refuseLine(requestOf(['sh']), typed, [allowed])).toBeUndefined()
    expect(refuseLine(requestOf(['sh']), typed, [allowed, other])).toContain('rule p/run')
    const invalid = { ...ancestor, invalidPolicies: ['broken'] }
    expect(refuseLine(requestOf(['sh']), typed, [allowed, invalid])).toContain('"broken"')
    expect(refuseLine(aRequest({}), typed, [allowed])).toBeDefined()
  })

  test('has only the deny list look at what is typed into a shell that is allowed', () => {
    const policy = policyOf({ allow: [{ class: 'shell' }], deny: [['rm', '**']] })
    const asked = (line: string) =>
      refuseLine(requestOf(['sh']), { line, after: '' }, [{ ...root, policies: [policy] }])
    expect(asked('ls')).toBeUndefined()
    expect(asked('rm x')).toBeDefined()
  })
})

describe('evaluate()', () => {
  const linesOf = (policy: AccessPolicy, command: readonly string[], subresource = 'exec') => {
    const decision = evaluate(requestOf(command, subresource), {
      principals: [{ ...root, policies: [policy] }],
      guard: { namespaceInjected: false, targetContainer: 'app', targetRoot: 'same' },
      defaultDecision: 'Deny',
    })
    return decision.effect === 'allow' ? decision.obligations.commands : decision.reason
  }

  test.each([
    ['a shell', ['sh'], 'exec', [['rm', '**']]],
    ['a shell in another program', ['env', 'bash'], 'exec', [['rm', '**']]],
    ['the console of a program', ['python3'], 'exec', [['rm', '**']]],
    ['what is attached to', [], 'attach', [['rm', '**']]],
    ['a program that obeys nobody', ['cat'], 'exec', []],
    ['a script', ['sh', '-c', 'cat >x'], 'exec', []],
  ])('has the lines judged that are typed into %s', (_name, command, subresource, want) => {
    expect(linesOf(DENY_RM, command, subresource)).toEqual(want)
  })

  test('has no line judged without a deny list', () => {
    expect(linesOf(policyOf({ allow: [{ class: 'shell' }] }), ['sh'])).toEqual([])
    const byClass = policyOf({ deny: [{ class: 'interpreter' }] })
    expect(linesOf(byClass, ['sh'])).toEqual([['{class interpreter}']])
  })
})

test.each([
  ['', false],
  ['ls', false],
  ['ls \\', true],
  ['ls \\\\', false],
  ['echo "a', true],
  ["echo 'a\\", true],
  ['echo "a" \'b\'', false],
  ['echo "a\\"', true],
  ["# don't", false],
  ["ls # don't\necho 'a", true],
  ["a#don't", true],
])('goesOn() of %s', (text, want) => {
  expect(goesOn(text)).toBe(want)
})
