import { expect, test } from 'vitest'
import type { Asked } from './ask-chain.ts'
import { narrowAccess } from './narrow-access.ts'

const SECRETS = { verb: 'get', resource: 'secrets', namespace: 'team' }
const YES = { allowed: true, reason: '', error: '' }
const NO = { allowed: false, reason: 'alice cannot', error: '' }

async function review(spec: object, allowed: unknown, prospect = YES) {
  const asked: Asked[] = []
  const ask = async (questions: readonly Asked[]) => {
    asked.push(...questions)
    return questions.map(() => prospect)
  }
  const { status } = await narrowAccess({ spec, status: { allowed, reason: 'RBAC' } }, ask)
  return { status, asked }
}

test.each([
  ['both may', true, YES, { allowed: true, reason: 'RBAC' }],
  ['the chain may not', true, NO, { allowed: false, denied: true, reason: 'alice cannot' }],
  ['the pod may not', false, YES, { allowed: false, reason: 'RBAC' }],
  ['the API server does not say', undefined, YES, { allowed: false, reason: 'RBAC' }],
  ['it is no boolean', 'true', YES, { allowed: false, reason: 'RBAC' }],
  [
    'the chain cannot be judged',
    true,
    { allowed: false, reason: '', error: 'away' },
    {
      allowed: false,
      reason: 'the chain of this pod could not be reviewed',
      evaluationError: 'away',
    },
  ],
  [
    'the namespace only observes',
    true,
    { allowed: true, reason: 'enforced, alice cannot', error: '' },
    { allowed: true, reason: 'enforced, alice cannot' },
  ],
])('narrowAccess() when %s', async (_name, allowed, prospect, want) => {
  expect((await review({ resourceAttributes: SECRETS }, allowed, prospect)).status).toEqual(want)
})

test.each([
  ['a resource', { resourceAttributes: SECRETS }, { resource: 'secrets', subresource: '' }],
  [
    'a subresource',
    { resourceAttributes: { ...SECRETS, resource: 'pods', subresource: 'exec' } },
    { resource: 'pods', subresource: 'exec' },
  ],
  [
    'a subresource as RBAC writes it',
    { resourceAttributes: { ...SECRETS, resource: 'pods/exec' } },
    { resource: 'pods', subresource: 'exec' },
  ],
  [
    'a URL',
    { nonResourceAttributes: { verb: 'get', path: '/metrics' } },
    { resourceRequest: false, path: '/metrics', verb: 'get' },
  ],
])('narrowAccess() asks about %s', async (_name, spec, want) => {
  expect((await review(spec, true)).asked).toEqual([expect.objectContaining(want)])
})

test('narrowAccess() says no to a review of nothing, and asks nobody where the pod may not', async () => {
  expect((await review({}, true)).status).toMatchObject({ allowed: false })
  expect((await review({ resourceAttributes: SECRETS }, false)).asked).toEqual([])
})
