import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_VISITS, VISITORS_MAX, type Visit, type VisitKind, withVisit } from './chain-visits.ts'

const visit = (username: string, atMs = 0, kind: VisitKind = 'exec', joined = false): Visit => ({
  username,
  kind,
  atMs,
  joined,
})

test('withVisit() names a visitor once, with each kind, the first and the last time', () => {
  const visits = [visit('bob', 5), visit('bob', 9, 'attach', true), visit('bob', 7)]
  expect(visits.reduce(withVisit, NO_VISITS)).toEqual({
    visitors: [
      {
        ...{ username: 'bob', kinds: ['exec', 'attach'], firstAtMs: 5, lastAtMs: 9 },
        ...{ visits: 3, joined: true },
      },
    ],
    omitted: 0,
  })
})

test('withVisit() keeps who came first and who came last when a list is filled', () => {
  const flood = Array.from({ length: 1_000 }, (_, number) => visit(`made-up-${number}`))
  const { visitors, omitted } = [visit('before'), ...flood, visit('after')].reduce(
    withVisit,
    NO_VISITS,
  )
  const names = visitors.map(({ username }) => username)
  expect([names[0], names.at(-1)]).toEqual(['before', 'after'])
  expect([visitors.length, omitted]).toEqual([VISITORS_MAX, 1_002 - VISITORS_MAX])
})

test('withVisit() counts every visit and stays within its bound', () => {
  const some = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat(9)), { maxLength: 200 })
  fc.assert(
    fc.property(some, (list) => {
      const { visitors, omitted } = list
        .map(([username, atMs]) => visit(username, atMs))
        .reduce(withVisit, NO_VISITS)
      const counted = visitors.reduce((sum, { visits }) => sum + visits, omitted)
      expect(counted).toBe(list.length)
      expect(visitors.length).toBeLessThanOrEqual(VISITORS_MAX)
    }),
  )
})

test('withVisit() cuts names that no authenticator gives', () => {
  expect(withVisit(NO_VISITS, visit('x'.repeat(5_000))).visitors[0]?.username).toHaveLength(256)
})
