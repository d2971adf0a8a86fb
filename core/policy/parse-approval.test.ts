import { describe, expect, test } from 'vitest'
import { parseApproval } from './parse-approval.ts'

const ONCALL = { kind: 'Group', name: 'oncall' }
const rule = (approval: unknown, parts: Record<string, unknown> = {}) => ({
  ...{ name: 'careful', effect: 'RequireApproval', approval },
  ...parts,
})

function parse(value: Record<string, unknown>) {
  const problems: string[] = []
  return { approval: parseApproval(value, 'spec.rules[0]', problems), problems }
}

describe('parseApproval()', () => {
  test('takes one person of a group as the usual', () => {
    expect(parse(rule({ approvers: [ONCALL] }))).toEqual({
      problems: [],
      approval: {
        ...{ approvers: [ONCALL], self: false, minimum: 1, requireReason: false },
        ...{ durationMs: 900_000, waitMs: 30_000, answerWithinMs: 3_600_000 },
        ...{ widestScope: 'request', ruleDigest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    })
  })

  test('takes every field', () => {
    const approval = {
      ...{ approvers: [ONCALL, { kind: 'User', name: 'sam' }], minimum: 2, requireReason: true },
      ...{ duration: '1h', wait: '0s', answerWithin: '1d', scope: 'rule' },
    }
    expect(parse(rule(approval))).toMatchObject({
      problems: [],
      approval: {
        ...{ minimum: 2, requireReason: true, widestScope: 'rule' },
        ...{ durationMs: 3_600_000, waitMs: 0, answerWithinMs: 86_400_000 },
      },
    })
  })

  test('takes break glass with a reason', () => {
    expect(parse(rule({ approvers: 'self', requireReason: true }))).toMatchObject({
      problems: [],
      approval: { self: true, approvers: [] },
    })
  })

  test('is nothing to a rule of another effect', () => {
    expect(parse({ name: 'work', effect: 'Allow' })).toEqual({ approval: undefined, problems: [] })
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['none', rule(undefined), /approval: must say who approves/],
    [
      'one of an Allow',
      rule({ approvers: [ONCALL] }, { effect: 'Allow' }),
      /for the effect RequireApproval only/,
    ],
    [
      'one of a Deny',
      rule({ approvers: [ONCALL] }, { effect: 'Deny' }),
      /for the effect RequireApproval only/,
    ],
    ['no approvers', rule({}), /approvers: must be a list .* nobody could approve/],
    ['an empty list of approvers', rule({ approvers: [] }), /approvers: must be a list/],
    ['another word than self', rule({ approvers: 'anyone' }), /approvers: must be a list/],
    [
      'everybody as an approver',
      rule({ approvers: [{ kind: 'Group', name: 'system:authenticated' }] }),
      /names everybody or machines/,
    ],
    [
      'all service accounts of a namespace',
      rule({ approvers: [{ kind: 'Group', name: 'system:serviceaccounts:ci' }] }),
      /names everybody or machines/,
    ],
    [
      'a service account',
      rule({ approvers: [{ kind: 'ServiceAccount', name: 'x', namespace: 'y' }] }),
      /a ServiceAccount never approves/,
    ],
    [
      'the user name of a service account',
      rule({ approvers: [{ kind: 'User', name: 'system:serviceaccount:a:b' }] }),
      /a service account never approves/,
    ],
    ['a wildcard', rule({ approvers: [{ kind: 'User', name: '*' }] }), /"\*" names nobody/],
    ['an approver without a name', rule({ approvers: [{ kind: 'User' }] }), /name: must be there/],
    [
      'more people than are named',
      rule({ approvers: [{ kind: 'User', name: 'sam' }], minimum: 2 }),
      /2 people cannot approve/,
    ],
    [
      'the same person twice',
      rule({
        approvers: [
          { kind: 'User', name: 'sam' },
          { kind: 'User', name: 'sam' },
        ],
        minimum: 2,
      }),
      /names 1/,
    ],
    [
      'a minimum of none',
      rule({ approvers: [ONCALL], minimum: 0 }),
      /minimum: must be a whole number/,
    ],
    [
      'half a person',
      rule({ approvers: [ONCALL], minimum: 1.5 }),
      /minimum: must be a whole number/,
    ],
    ['break glass without a reason', rule({ approvers: 'self' }), /requireReason: must be true/],
    [
      'break glass by two',
      rule({ approvers: 'self', requireReason: true, minimum: 2 }),
      /minimum: must be 1/,
    ],
    [
      'a grant without an end',
      rule({ approvers: [ONCALL], duration: '8d' }),
      /duration: must be a duration/,
    ],
    ['no duration', rule({ approvers: [ONCALL], duration: '0s' }), /duration: must be a duration/],
    ['a wait of an hour', rule({ approvers: [ONCALL], wait: '1h' }), /wait: must be a duration/],
    ['a wait that is no text', rule({ approvers: [ONCALL], wait: 30 }), /wait: must be a duration/],
    [
      'an unknown scope',
      rule({ approvers: [ONCALL], scope: 'everything' }),
      /scope: must be one of request, command, rule/,
    ],
    [
      'a misspelt field',
      rule({ approvers: [ONCALL], minimun: 2 }),
      /minimun: is not a known field/,
    ],
    [
      'a reason that is no flag',
      rule({ approvers: [ONCALL], requireReason: 'yes' }),
      /must be true or false/,
    ],
  ])('refuses %s', (_title, value, problem) => {
    expect(parse(value).problems).toContainEqual(expect.stringMatching(problem))
  })

  test('has another digest for a rule that was changed, in whatever field', () => {
    const digest = (parts: Record<string, unknown>) =>
      parse(rule({ approvers: [ONCALL] }, parts)).approval?.ruleDigest
    expect(digest({ verbs: ['delete'] })).toBe(digest({ verbs: ['delete'] }))
    expect(digest({ verbs: ['delete', 'patch'] })).not.toBe(digest({ verbs: ['delete'] }))
    expect(digest({ when: 'true' })).not.toBe(digest({}))
  })
})
