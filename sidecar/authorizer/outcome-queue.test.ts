import { expect, test } from 'vitest'
import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { OutcomeQueue } from './outcome-queue.ts'

function outcome(decisionId: string): OutcomeReport {
  return { decisionId, httpStatus: 200, fault: '', responseBytes: 1n }
}

function aQueue(max = 10) {
  const clock = new ManualClock()
  const sent: string[] = []
  const queue = new OutcomeQueue({ max, clock })
  return { clock, sent, queue, send: (one: OutcomeReport) => sent.push(one.decisionId) }
}

test('OutcomeQueue sends within a moment while connected', async () => {
  const { queue, send, sent, clock } = aQueue()
  queue.connect(send)
  queue.add(outcome('a'))
  queue.add(outcome('b'))
  expect(sent).toEqual([])
  await clock.advance(10)
  expect(sent).toEqual(['a', 'b'])
  expect(queue.size).toBe(0)
})

test('OutcomeQueue flush() sends now what waits', () => {
  const { queue, send, sent } = aQueue()
  queue.connect(send)
  queue.add(outcome('a'))
  queue.flush()
  expect(sent).toEqual(['a'])
})

test('OutcomeQueue keeps outcomes in order until there is a connection', () => {
  const { queue, send, sent } = aQueue()
  queue.add(outcome('a'))
  queue.add(outcome('b'))
  expect(queue.size).toBe(2)
  queue.connect(send)
  expect(sent).toEqual(['a', 'b'])
})

test('OutcomeQueue sends again what may have been lost with a connection', async () => {
  const { queue, send, sent, clock } = aQueue()
  queue.connect(send)
  queue.add(outcome('old'))
  queue.flush()
  await clock.advance(9_000)
  queue.add(outcome('young'))
  queue.flush()
  await clock.advance(3_000)
  queue.disconnect()
  queue.add(outcome('later'))
  queue.connect(send)
  expect(sent).toEqual(['old', 'young', 'young', 'later'])
})

test('OutcomeQueue is full at its maximum, and no longer once it could send', () => {
  const { queue, send } = aQueue(2)
  queue.add(outcome('a'))
  expect(queue.isFull()).toBe(false)
  queue.add(outcome('b'))
  expect(queue.isFull()).toBe(true)
  queue.connect(send)
  expect(queue.isFull()).toBe(false)
})

test('OutcomeQueue bounds what it remembers as sent', () => {
  const { queue, send, sent } = aQueue(2)
  queue.connect(send)
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    queue.add(outcome(id))
    queue.flush()
  }
  queue.disconnect()
  queue.connect(send)
  expect(sent.slice(5)).toEqual(['c', 'd', 'e'])
})
