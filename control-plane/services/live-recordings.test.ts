import { expect, test } from 'vitest'
import { AGENT, aBinding, BUILD } from '../../test/support/record-builders.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { LiveRecordings, type SessionCutCause } from './live-recordings.ts'

const CUT: SessionCutCause = { ending: 'cut', reason: 'enough' }

/** Two sessions of the agent's pod, and one of another. */
function threeLive() {
  const live = new LiveRecordings()
  const cuts: [string, SessionCutCause][] = []
  const add = (id: string, actor: typeof AGENT) =>
    live.add({ id, binding: aBinding([actor]) as PodBinding, cut: (why) => cuts.push([id, why]) })
  add('A', AGENT)
  add('B', AGENT)
  add('C', BUILD)
  return { live, cuts }
}

test('LiveRecordings counts all, and those of a pod', () => {
  const { live } = threeLive()
  expect([live.size(), live.ofPod(AGENT.podUid), live.ofPod(BUILD.podUid)]).toEqual([3, 2, 1])
  live.remove('A')
  live.remove('unknown')
  expect([live.size(), live.ofPod(AGENT.podUid), live.ofPod('no pod')]).toEqual([2, 1, 0])
})

test('LiveRecordings.cut() ends the one session, and says whether there was one', () => {
  const { live, cuts } = threeLive()
  expect([live.cut('B', CUT), live.cut('unknown', CUT)]).toEqual([true, false])
  live.remove('B')
  expect(live.cut('B', CUT)).toBe(false)
  expect(cuts).toEqual([['B', CUT]])
})

test('LiveRecordings.revoke() ends no session of another pod', () => {
  const { live, cuts } = threeLive()
  live.revoke(BUILD.podUid, 'A', 'denied by now')
  expect(cuts).toEqual([])
  live.revoke(AGENT.podUid, 'A', 'denied by now')
  expect(cuts).toEqual([['A', { ending: 'revoked', reason: 'denied by now' }]])
})

test('LiveRecordings.sweep() ends the sessions of chains that have ended, and no others', () => {
  const { live, cuts } = threeLive()
  live.sweep(({ podUid }) => podUid === AGENT.podUid)
  expect(cuts.map(([id, { ending }]) => [id, ending])).toEqual([
    ['A', 'revoked'],
    ['B', 'revoked'],
  ])
})
