import { expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { RecentAllows } from './recent-allows.ts'

function asked(parts: Partial<RequestAttributes> = {}, container = 'app'): Question {
  const said = { targetContainer: '', userAgent: '', refusedBecause: '' }
  return { attributes: aRequest(parts), container, ...said }
}

test('has() holds for ten seconds from the last allow', async () => {
  const clock = new ManualClock()
  const recent = new RecentAllows(clock)
  expect(recent.has(asked())).toBe(false)
  recent.add(asked())
  await clock.advance(6_000)
  recent.add(asked())
  await clock.advance(9_999)
  expect(recent.has(asked())).toBe(true)
  await clock.advance(1)
  expect(recent.has(asked())).toBe(false)
})

test.each<[string, Question]>([
  ['container', asked({}, 'other')],
  ['verb', asked({ verb: 'list' })],
  ['group', asked({ apiGroup: 'apps' })],
  ['version', asked({ apiVersion: 'v2' })],
  ['resource', asked({ resource: 'secrets' })],
  ['subresource', asked({ subresource: 'status' })],
  ['namespace', asked({ namespace: 'other' })],
  ['name', asked({ name: 'other' })],
  ['path', asked({ path: '/other' })],
])('has() is false for another %s', (_name, other) => {
  const recent = new RecentAllows(new ManualClock())
  recent.add(asked())
  expect(recent.has(other)).toBe(false)
})

test('has() does not look at what the client calls itself', () => {
  const recent = new RecentAllows(new ManualClock())
  recent.add(asked())
  expect(recent.has({ ...asked(), userAgent: 'other' })).toBe(true)
})

test('forget() forgets one question, forgetAll() every one', () => {
  const recent = new RecentAllows(new ManualClock())
  recent.forget(asked())
  for (const name of ['a', 'b', 'c']) recent.add(asked({ name }))
  recent.forget(asked({ name: 'a' }))
  expect(['a', 'b', 'c'].map((name) => recent.has(asked({ name })))).toEqual([false, true, true])
  recent.forgetAll()
  expect(recent.has(asked({ name: 'b' }))).toBe(false)
})

test('add() forgets what was allowed longest ago when there are too many', () => {
  const recent = new RecentAllows(new ManualClock())
  for (let number = 0; number < 256; number += 1) recent.add(asked({ name: `n${number}` }))
  recent.add(asked({ name: 'n0' }))
  recent.add(asked({ name: 'n256' }))
  expect(['n0', 'n1', 'n2', 'n256'].map((name) => recent.has(asked({ name })))).toEqual([
    ...[true, false, true, true],
  ])
})
