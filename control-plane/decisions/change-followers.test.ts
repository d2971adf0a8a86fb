import { beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { AGENT, anEnrolledBinding, BUILD } from '../../test/support/record-builders.ts'
import { createDecisionWatch, type DecisionWatch } from './decision-watch.ts'

/* Changes come through the decision watch, as in the control plane. */

const told: string[] = []
let watch: DecisionWatch
let stop: () => void

beforeEach(() => {
  told.length = 0
  watch = createDecisionWatch({
    decider: { stillAllows: async () => true },
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    inSync: true,
  })
  stop = watch.followers.add(anEnrolledBinding([AGENT], 1), () => told.push('agent'))
  watch.followers.add(anEnrolledBinding([AGENT, BUILD], 2), () => told.push('build'))
})

const ofAgent = ({ podUid }: { readonly podUid: string }) => podUid === AGENT.podUid

test.each<[string, (watch: DecisionWatch) => void, readonly string[]]>([
  ['a change', (changed) => changed.recheck(), ['agent', 'build']],
  ['a change of one pod', (changed) => changed.recheckWhere(ofAgent), ['agent']],
  ['what comes by time alone', (changed) => changed.sweep(() => true), []],
  ['changes that are not seen', (changed) => changed.noteSync(false), ['agent', 'build']],
])('ChangeFollowers are told of %s', (_name, change, want) => {
  change(watch)
  expect(told).toEqual(want)
})

test('ChangeFollowers are told immediately, each time, until they stop', () => {
  watch.recheck()
  watch.recheck()
  stop()
  watch.recheck()
  expect(told).toEqual(['agent', 'build', 'agent', 'build', 'build'])
})
