import { describe, expect, test } from 'vitest'
import { READ_BATCH } from './api-resource.ts'
import { isInNamespace, listByName, readPinned } from './list-by-name.ts'

interface Kept {
  readonly id: string
  readonly createdAtMs: number
}

const kept = (count: number): readonly Kept[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ id: String(index).padStart(4, '0'), createdAtMs: index },
  }))

const readOf = (all: readonly Kept[]) => (afterId: string, limit: number) =>
  all.filter(({ id }) => id > afterId).slice(0, limit)

const isEven = ({ id, createdAtMs }: Kept) => (createdAtMs % 2 === 0 ? id : undefined)

describe('listByName()', () => {
  const list = (count: number, request: Parameters<typeof listByName>[0]) =>
    listByName(request, 7, { read: readOf(kept(count)), select: isEven })

  test.each<
    [string, number, Parameters<typeof listByName>[0], readonly string[], string | undefined]
  >([
    ['nothing', 0, { limit: 2 }, [], undefined],
    ['all of a page', 3, { limit: 2 }, ['0000', '0002'], undefined],
    ['the first page', 6, { limit: 2 }, ['0000', '0002'], '0003'],
    ['what was made since', 6, { limit: 9, sinceMs: 3 }, ['0004'], undefined],
    ['what was made before', 6, { limit: 9, untilMs: 2 }, ['0000'], undefined],
    ['the newest', 6, { limit: 9, tail: 1 }, ['0004'], undefined],
  ])('has %s', async (_what, count, request, want, afterName) => {
    const { objects, revision, next } = await list(count, request)
    expect([objects, revision, next?.afterName]).toEqual([want, 7, afterName])
  })

  test('goes on after a page, with the revision of the first', async () => {
    const position = { afterSequence: 0, afterName: '0003', revision: 5 }
    expect(await list(6, { limit: 2, position })).toEqual({ objects: ['0004'], revision: 5 })
  })

  test('reads more than one batch', async () => {
    const { objects } = await list(2 * READ_BATCH + 2, { limit: 1_000 })
    expect(objects).toHaveLength(READ_BATCH + 1)
  })
})

describe('readPinned()', () => {
  const requirement = { field: 'metadata.name', operator: '=', value: '0002' } as const
  const get = (name: string) => kept(3).find(({ id }) => id === name)

  test('reads one, once', () => {
    const read = readPinned({ namespace: '', requirements: [requirement] }, get)
    expect(read?.('')).toMatchObject([{ id: '0002' }])
    expect(read?.('0002')).toEqual([])
  })

  test.each([
    ['another', { ...requirement, value: '9' }, []],
    ['all but one', { ...requirement, operator: '!=' as const }, undefined],
    ['another field', { ...requirement, field: 'spec.pod' }, undefined],
  ])('of %s reads %j', (_what, one, want) => {
    expect(readPinned({ namespace: '', requirements: [one] }, get)?.('')).toEqual(want)
  })
})

test.each([
  ['', true],
  ['team', true],
  ['other', false],
])('isInNamespace() of a list in %j is %j', (namespace, want) => {
  const object = { metadata: { namespace: 'team' } }
  expect(isInNamespace({ namespace, requirements: [] }, object)).toBe(want)
})
