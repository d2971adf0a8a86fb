import { expect, test } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { type UnsettledRead, UnsettledReads } from './unsettled-reads.ts'

const QUESTION: Question = {
  attributes: aRequest({ verb: 'get' }),
  ...{ container: 'app', targetContainer: '', userAgent: '', refusedBecause: '' },
}

const aRead = (decisionId: string): UnsettledRead => ({
  ...{ decisionId, question: QUESTION },
  fault: new Fault('decision_timeout', 'no decision came in time'),
})

/** With a control plane that records under the read's own id, or fails while `fails` says so. */
function aWorld() {
  const clock = new ManualClock()
  const settled: OutcomeReport[] = []
  const failed: string[] = []
  const asked: string[] = []
  const reads = new UnsettledReads({
    clock,
    onSettled: (outcome) => settled.push(outcome),
    onFailed: (_error, { decisionId }) => failed.push(decisionId),
  })
  const world = { clock, settled, failed, asked, reads, fails: false }
  const record = async ({ decisionId }: UnsettledRead) => {
    asked.push(decisionId)
    if (world.fails) throw new Error('nobody is there')
    return decisionId
  }
  return { ...world, world, record }
}

test('UnsettledReads tells immediately where a control plane is, and the outcome once it is recorded', async () => {
  const { reads, record, clock, settled } = aWorld()
  reads.connect(record)
  reads.add(aRead('A'))
  expect([reads.size, reads.has('A'), reads.has('B')]).toEqual([1, true, false])
  await clock.advance(0)
  expect([reads.size, reads.has('A')]).toEqual([0, false])
  expect(settled).toEqual([
    {
      decisionId: 'A',
      httpStatus: 504,
      fault: 'decision_timeout',
      responseBytes: 0n,
      withheld: true,
    },
  ])
})

test('UnsettledReads keeps what it cannot tell until there is a control plane', async () => {
  const { reads, record, clock, asked, settled } = aWorld()
  reads.add(aRead('A'))
  reads.add(aRead('B'))
  await clock.advance(60_000)
  expect([asked, reads.size]).toEqual([[], 2])
  reads.connect(record)
  await clock.advance(0)
  expect(settled.map(({ decisionId }) => decisionId)).toEqual(['A', 'B'])
})

test('UnsettledReads tells again after five seconds, once for all that failed', async () => {
  const { world, reads, record, clock, asked, failed, settled } = aWorld()
  world.fails = true
  reads.connect(record)
  for (const id of ['A', 'B']) reads.add(aRead(id))
  await clock.advance(4_999)
  expect([asked, failed, clock.waiting]).toEqual([['A', 'B'], ['A', 'B'], 1])
  world.fails = false
  await clock.advance(1)
  expect(settled).toHaveLength(2)
  expect([reads.size, clock.waiting]).toEqual([0, 0])
})

test('UnsettledReads settles a read once, though two streams were told of it', async () => {
  const { reads, clock, settled } = aWorld()
  const answers: ((id: string) => void)[] = []
  const slow = () => new Promise<string>((resolve) => answers.push(resolve))
  reads.connect(slow)
  reads.add(aRead('A'))
  reads.disconnect()
  reads.connect(slow)
  for (const answer of answers) answer('A')
  await clock.advance(0)
  expect(answers).toHaveLength(2)
  expect(settled).toHaveLength(1)
})

test('UnsettledReads waits for nothing after it was disconnected', async () => {
  const { world, reads, record, clock, asked } = aWorld()
  world.fails = true
  reads.connect(record)
  reads.add(aRead('A'))
  await clock.advance(0)
  reads.disconnect()
  await clock.advance(60_000)
  expect([asked, reads.size, clock.waiting]).toEqual([['A'], 1, 0])
})
