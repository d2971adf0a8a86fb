import { ApiException, type KubernetesObject } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { parseAccessCeiling, parseNarrowingPolicy } from '../../core/policy/parse-access-limit.ts'
import type { ParsedPolicy } from '../../core/policy/parse-access-policy.ts'
import { createLogger } from '../../platform/logger.ts'
import {
  createLimitStatusWriter,
  createPolicyStatusWriter,
  createProfileStatusWriter,
} from './accepted-status.ts'

interface Patch {
  readonly name: string
  readonly body: {
    readonly metadata: object
    readonly status: { readonly conditions: readonly Record<string, unknown>[] }
  }
}

const VALID = { ok: true } as ParsedPolicy
const INVALID: ParsedPolicy = {
  ok: false,
  invalid: { name: 'alice', subjects: [], problems: ['spec.rules: is empty'] },
}
const LONG_AGO = '2020-01-01T00:00:00.000Z'
const ACCEPTED = {
  type: 'Accepted',
  status: 'True',
  reason: 'Valid',
  message: 'The policy is in force',
  observedGeneration: 1,
  lastTransitionTime: LONG_AGO,
}

function aPolicy(generation: number, conditions?: readonly object[]): KubernetesObject {
  const metadata = { name: 'alice', generation, resourceVersion: String(100 + generation) }
  const status = conditions === undefined ? {} : { status: { conditions } }
  return { apiVersion: 'lanyard.dev/v1alpha1', kind: 'AccessPolicy', metadata, ...status }
}

/** A writer whose patches fail as told, one failure after the other, and then are taken. */
function someWriter(failures: unknown[] = []) {
  const patches: Patch[] = []
  const lines: string[] = []
  const api = {
    async patchClusterCustomObjectStatus(request: unknown): Promise<unknown> {
      patches.push(request as Patch)
      if (failures.length > 0) throw failures.shift()
      return {}
    },
    async patchNamespacedCustomObjectStatus(request: unknown): Promise<unknown> {
      patches.push(request as Patch)
      return {}
    },
  }
  const logger = createLogger({ name: 'x', level: 'warn' }, { write: (line) => lines.push(line) })
  const write = createPolicyStatusWriter(api, logger, 5)
  const conditions = (index: number) => patches[index]?.body.status.conditions
  return { write, patches, conditions, lines, api, logger }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 50))

test('createProfileStatusWriter() says of a MaskProfile what follows', async () => {
  const { patches, conditions, api, logger } = someWriter()
  const write = createProfileStatusWriter(api, logger, 5)
  write(aPolicy(1), INVALID)
  await settled()
  expect(patches).toMatchObject([{ plural: 'maskprofiles', name: 'alice' }])
  expect(conditions(0)).toMatchObject([
    {
      status: 'False',
      message: expect.stringMatching(/profile is not valid.*spec\.rules: is empty/),
    },
  ])
})

test('createPolicyStatusWriter() says whether a policy holds', async () => {
  const { write, conditions, patches } = someWriter()
  write(aPolicy(1), VALID)
  write({ ...aPolicy(1), metadata: { name: 'bob', generation: 1 } }, INVALID)
  await settled()
  expect(patches.map(({ name }) => name)).toEqual(['alice', 'bob'])
  expect(conditions(0)).toMatchObject([{ ...ACCEPTED, lastTransitionTime: expect.any(String) }])
  expect(conditions(1)).toMatchObject([{ status: 'False', reason: 'Invalid' }])
})

test('createPolicyStatusWriter() writes nothing that is there', async () => {
  const { write, patches } = someWriter()
  write(aPolicy(1, [ACCEPTED]), VALID)
  await settled()
  expect(patches).toEqual([])
})

test('createPolicyStatusWriter() keeps the time of a status that stays, and sets that of a new one', async () => {
  const { write, conditions } = someWriter()
  write(aPolicy(2, [ACCEPTED]), VALID)
  await settled()
  expect(conditions(0)).toMatchObject([{ observedGeneration: 2, lastTransitionTime: LONG_AGO }])
  write(aPolicy(3, [ACCEPTED]), INVALID)
  await settled()
  expect(conditions(1)?.[0]?.['lastTransitionTime']).not.toBe(LONG_AGO)
})

test('createPolicyStatusWriter() keeps the conditions of others, unless they changed meanwhile', async () => {
  const { write, patches } = someWriter()
  const other = { ...ACCEPTED, type: 'Synced', reason: 'ByGit' }
  write(aPolicy(2, [other, ACCEPTED]), VALID)
  await settled()
  expect(patches[0]?.body).toEqual({
    metadata: { resourceVersion: '102' },
    status: { conditions: [other, { ...ACCEPTED, observedGeneration: 2 }] },
  })
})

test('createPolicyStatusWriter() tries again what failed, with what is known then', async () => {
  const { write, patches, conditions, lines } = someWriter([new Error('away'), new Error('away')])
  write(aPolicy(1), VALID)
  await new Promise((resolve) => setTimeout(resolve, 1))
  write(aPolicy(2), INVALID)
  await settled()
  expect(patches).toHaveLength(3)
  expect(conditions(2)).toMatchObject([{ status: 'False', observedGeneration: 2 }])
  expect(lines.join('')).toContain('away')
  write(aPolicy(2), INVALID)
  await settled()
  expect(patches).toHaveLength(4)
})

test.each([
  ['a policy that is gone', 404, 1],
  ['an older version of it', 409, 2],
])('createPolicyStatusWriter() takes a refusal of %s calmly', async (_name, code, count) => {
  const { write, patches, lines } = someWriter([new ApiException(code, 'no', {}, {})])
  write(aPolicy(1), VALID)
  await settled()
  expect(patches).toHaveLength(count)
  expect(lines).toEqual([])
})

test.each([
  ['AccessCeiling', parseAccessCeiling, {}, 'accessceilings', 'ceiling'],
  [
    'NarrowingPolicy',
    parseNarrowingPolicy,
    { namespace: 'team' },
    'narrowingpolicies',
    'narrowing',
  ],
] as const)(
  'createLimitStatusWriter() says whether an object of the kind %s holds',
  async (_kind, parse, place, plural, word) => {
    const { api, logger, patches, conditions } = someWriter()
    const write = createLimitStatusWriter(api, logger, 5)
    const rule = { name: 'r', effect: 'Deny', apiGroups: [''], resources: ['pods'], verbs: ['*'] }
    for (const [name, rules] of [
      ['one', [rule]],
      ['two', []],
    ] as const) {
      const object = { metadata: { name, generation: 1, ...place }, spec: { rules } }
      write(object, parse(object))
    }
    await settled()
    expect(patches).toMatchObject([
      { plural, name: 'one', ...place },
      { plural, name: 'two', ...place },
    ])
    expect(conditions(0)).toMatchObject([{ status: 'True', message: `The ${word} is in force` }])
    const invalid = `^The ${word} is not valid.*spec.rules: must be a list`
    expect(conditions(1)).toMatchObject([
      { status: 'False', message: expect.stringMatching(invalid) },
    ])
  },
)
