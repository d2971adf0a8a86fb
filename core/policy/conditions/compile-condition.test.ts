import { describe, expect, test } from 'vitest'
import { aRequest } from '../../../test/support/policy-builders.ts'
import { AGENT, aUser } from '../../../test/support/record-builders.ts'
import { compileCondition } from './compile-condition.ts'
import type { RuleCondition } from './condition.ts'
import {
  type ConditionFacts,
  type ConditionInput,
  createConditionInput,
} from './condition-input.ts'

const NOW = Date.parse('2026-11-28T10:30:00Z')
const EXEC = { env: [], container: '', stdin: false, stdout: true, stderr: true, tty: false }

function inputOf(parts: Partial<ConditionFacts> = {}): ConditionInput {
  return createConditionInput({
    attributes: aRequest({ name: 'web-1' }),
    ...{ container: 'app', impersonatedUser: '' },
    chain: {
      rootRequester: aUser('alice', ['dev']),
      coRequesters: [aUser('bob', [])],
      actors: [AGENT, { ...AGENT, name: 'worker' }],
    },
    ...{ beganAtMs: NOW - 7_200_000, renewedAtMs: NOW - 3_600_000, nowMs: NOW },
    namespaceLabels: { env: 'production' },
    ...parts,
  })
}

function compiled(source: string): RuleCondition {
  const found = compileCondition(source)
  if (!found.ok) throw new Error(found.problem)
  return found.condition
}

describe('compileCondition()', () => {
  test.each([
    ["request.verb == 'get' && request.resource == 'pods'", true],
    ["request.name.startsWith('web-')", true],
    ["request.name.matches('^web-[0-9]+$')", true],
    ["request.name.matches('^db')", false],
    ["'get' in request.verbs", true],
    ["request.container == 'app'", true],
    ['chain.actors.size() <= 2', true],
    ['size(chain.actors) < 2', false],
    ["chain.rootRequester.username == 'alice'", true],
    ["chain.rootRequester.groups.exists(g, g == 'dev')", true],
    ["'ops' in chain.rootRequester.groups", false],
    ["chain.coRequesters.all(one, one.username == 'bob')", true],
    ["chain.caller.name == 'worker'", true],
    ["now - chain.renewed < duration('2h')", true],
    ["now - chain.began < duration('90m')", false],
    ["now.getHours('UTC') == 10", true],
    ["now.getHours('Europe/Zurich') == 11", true],
    ["now < timestamp('2026-12-01T00:00:00Z')", true],
    ["target.namespaceLabels['env'] == 'production'", true],
    ["'team' in target.namespaceLabels", false],
    ["has(target.namespaceLabels.env) && target.namespaceLabels.env == 'production'", true],
    ['request.command == []', true],
    ["chain.actors.exists(a, a.name in ['worker', 'other'])", true],
  ])('%s: %s', (source, holds) => {
    expect(compiled(source).holds(inputOf())).toBe(holds)
  })

  test.each([
    ['a key that is not there', "target.namespaceLabels['x'] == 'y'", {}],
    [
      'labels that are not known',
      "target.namespaceLabels['env'] == 'x'",
      { namespaceLabels: undefined },
    ],
    ['an index that is not there', "chain.actors[7].name == 'x'", {}],
    ['what is no boolean', 'request.verb', {}],
    ['texts and numbers together', 'request.verb + 1 == 2', {}],
    ['a time zone that is not known', "now.getHours('Mars/Olympus') == 1", {}],
    [
      'groups of somebody who has very many',
      "'g1' in chain.rootRequester.groups",
      {
        chain: {
          rootRequester: aUser(
            'alice',
            Array.from({ length: 257 }, (_, index) => `g${index}`),
          ),
          ...{ coRequesters: [], actors: [AGENT] },
        },
      },
    ],
    [
      'a command of very many words',
      "'rm' in request.command",
      { attributes: aRequest({ exec: { ...EXEC, command: Array(257).fill('rm') } }) },
    ],
    [
      'a very long command',
      "'rm' in request.command",
      { attributes: aRequest({ exec: { ...EXEC, command: ['rm', 'x'.repeat(8_192)] } }) },
    ],
  ])('%s cannot be told', (_name, source, parts) => {
    expect(compiled(source).holds(inputOf(parts))).toBeUndefined()
  })

  test.each([
    ['nothing', '', /must be an expression/],
    ['a number', 7, /must be an expression/],
    ['half an expression', 'request.verb ==', /is not an expression of CEL/],
    [
      'a variable that is not there',
      "object.kind == 'Pod'",
      /no variable "object"; there are request, chain/,
    ],
    [
      'a field that is not there',
      "request.action == 'get'",
      /request has no action; there are verb, verbs/,
    ],
    [
      'a field of a user that is not there',
      "chain.rootRequester.name == 'x'",
      /has no rootRequester\.name; there are username/,
    ],
    ['a field of a text', "request.verb.x == 'x'", /request has no verb\.x; there are no fields/],
    ['a test for a field that is not there', 'has(target.labels)', /target has no labels/],
    ['a function that is not there', 'sleep(3)', /no function "sleep"/],
    ['a message', "google.protobuf.Duration{seconds: 1} == duration('1s')", /no (?:type|variable)/],
    ['too many characters', `request.name == '${'x'.repeat(1_024)}'`, /at most 1024 characters/],
    [
      'too many parts',
      Array(90)
        .fill("'a'=='a'")
        .join('||')
        .slice(0, 1_024)
        .replace(/\|*'?a?'?=*'?a?'?$/, ''),
      /at most 256 parts/,
    ],
    [
      'too many levels',
      `${'['.repeat(40)}1${']'.repeat(40)} == []`,
      /at most 32 levels|is not an expression/,
    ],
    [
      'a loop in a loop',
      'chain.actors.all(a, chain.actors.all(b, a == b))',
      /no loop .* inside another/,
    ],
    [
      'a list that is looked through in a loop',
      'chain.rootRequester.groups.all(g, g in chain.rootRequester.groups)',
      /must not look for something in a list/,
    ],
    [
      'a pattern that is not written out',
      'request.name.matches(request.namespace)',
      /matches takes a text/,
    ],
    ['a pattern that is none', "request.name.matches('(')", /is not an expression of CEL/],
    [
      'a pattern that is too long',
      `request.name.matches('${'x'.repeat(257)}')`,
      /at most 256 characters/,
    ],
  ])('refuses %s', (_name, source, problem) => {
    expect(compileCondition(source)).toMatchObject({
      ok: false,
      problem: expect.stringMatching(problem),
    })
  })

  test('says which conditions read the time', () => {
    expect(compiled('now > chain.began').readsTime).toBe(true)
    expect(compiled("request.name == 'now'").readsTime).toBe(false)
  })

  test('lets loops follow each other', () => {
    const source = "chain.actors.filter(a, a.name != 'x').exists(a, a.name == 'worker')"
    expect(compiled(source).holds(inputOf())).toBe(true)
  })
})
