import { expect, test } from 'vitest'
import { isServing, type LinkEvent, type LinkState, nextLinkState } from './link-state.ts'

test.each<[LinkState, LinkEvent, LinkState]>([
  ['connecting', 'connected', 'enrolling'],
  ['connecting', 'lost', 'waiting'],
  ['enrolling', 'enrolled', 'serving'],
  ['enrolling', 'lost', 'waiting'],
  ['serving', 'renewal due', 'renewing'],
  ['serving', 'lost', 'waiting'],
  ['renewing', 'enrolled', 'serving'],
  ['renewing', 'lost', 'waiting'],
  ['waiting', 'time', 'connecting'],
  ['connecting', 'close', 'closed'],
  ['enrolling', 'close', 'closed'],
  ['serving', 'close', 'closed'],
  ['renewing', 'close', 'closed'],
  ['waiting', 'close', 'closed'],
  ['closed', 'close', 'closed'],
  ['closed', 'lost', 'closed'],
])('nextLinkState() of %s at %s is %s', (state, event, next) => {
  expect(nextLinkState(state, event)).toBe(next)
})

test.each<[LinkState, LinkEvent]>([
  ['connecting', 'enrolled'],
  ['serving', 'connected'],
  ['waiting', 'lost'],
  ['closed', 'time'],
  ['closed', 'enrolled'],
])('nextLinkState() of %s at %s is an error of ours', (state, event) => {
  expect(() => nextLinkState(state, event)).toThrow(`a link that is ${state}`)
})

test.each<[LinkState, boolean]>([
  ['connecting', false],
  ['enrolling', false],
  ['serving', true],
  ['renewing', true],
  ['waiting', false],
  ['closed', false],
])('isServing() of %s is %s', (state, serves) => {
  expect(isServing(state)).toBe(serves)
})
