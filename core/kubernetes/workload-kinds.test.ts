import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SPEC_FIELDS } from '../templates/workload-fields.ts'
import {
  apiRootOf,
  apiVersionOf,
  groupOf,
  KEPT_TEMPLATE,
  typeOf,
  valueAt,
  WORKLOAD_KINDS,
} from './workload-kinds.ts'

const WEBHOOKS = readFileSync(
  resolve(import.meta.dirname, '../../deploy/chart/templates/webhooks.yaml'),
  'utf8',
)

describe('WORKLOAD_KINDS', () => {
  test('are those of which every field is read, with the template that is kept', () => {
    const types = [...WORKLOAD_KINDS, KEPT_TEMPLATE].map(typeOf)
    expect(Object.keys(SPEC_FIELDS).sort()).toEqual([...types].sort())
  })

  test.each(WORKLOAD_KINDS.map((kind) => [typeOf(kind), kind] as const))(
    '%s has a template at its path, of which the fields are read',
    (type, { templatePath }) => {
      expect(SPEC_FIELDS[type]?.[templatePath[0] ?? '']?.choosesCode).toBe(true)
    },
  )

  test.each(['', 'apps', 'batch'])('of group %j are all told to the injector', (group) => {
    const own = [...WORKLOAD_KINDS, KEPT_TEMPLATE].filter((kind) => kind.group === group)
    const rule = WEBHOOKS.split('\n').find(
      (line) =>
        line.includes(`apiGroups: [${group === '' ? '""' : group}]`) &&
        line.includes('operations: [CREATE, UPDATE]') &&
        own.some(({ resource }) => line.includes(resource)),
    )
    const told = /resources: \[([^\]]*)\]/.exec(rule ?? '')?.[1]?.split(', ') ?? []
    expect(told).toEqual(expect.arrayContaining(own.map(({ resource }) => resource)))
  })
})

test.each([
  ['apps', 'v1', 'apps/v1', '/apis/apps/v1'],
  ['', 'v1', 'v1', '/api/v1'],
])('apiVersionOf() and apiRootOf() of group %j', (group, version, apiVersion, root) => {
  expect(apiVersionOf({ group, version })).toBe(apiVersion)
  expect(apiRootOf({ group, version })).toBe(root)
  expect(groupOf(apiVersion)).toBe(group)
})

test.each([
  [{ a: { b: 1 } }, ['a', 'b'], 1],
  [{ a: { b: 1 } }, [], { a: { b: 1 } }],
  [{ a: 1 }, ['a', 'b'], undefined],
  [{ a: null }, ['a', 'b'], undefined],
  [undefined, ['a'], undefined],
  [{}, ['constructor'], undefined],
])('valueAt() in %j of %j', (object, path, value) => {
  expect(valueAt(object, path)).toEqual(value)
})
