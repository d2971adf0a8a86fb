import { expect, test, vi } from 'vitest'
import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'
import { createOutcomeQueue } from './outcome-queue.ts'

function outcome(decisionId: string): OutcomeReport {
  return { decisionId, httpStatus: 200, fault: '', responseBytes: 1n }
}

function aQueue(max = 10) {
  const clock = { nowMs: 0 }
  const sent: string[] = []
  const queue = createOutcomeQueue({ max, nowMs: () => clock.nowMs })
  return { clock, sent, queue, send: (one: OutcomeReport) => sent.push(one.decisionId) }
}

test('createOutcomeQueue() sends within a moment while connected', async () => {
  const { queue, send, sent } = aQueue()
  queue.connect(send)
  queue.add(outcome('a'))
  queue.add(outcome('b'))
  await vi.waitFor(() => expect(sent).toEqual(['a', 'b']))
  expect(queue.size).toBe(0)
})

test('createOutcomeQueue() sends at once with a question', () => {
  const { queue, send, sent } = aQueue()
  queue.connect(send)
  queue.add(outcome('a'))
  queue.flush()
  expect(sent).toEqual(['a'])
})

test('createOutcomeQueue() keeps outcomes in order until there is a connection', () => {
  const { queue, send, sent } = aQueue()
  queue.add(outcome('a'))
  queue.add(outcome('b'))
  expect(queue.size).toBe(2)
  queue.connect(send)
  expect(sent).toEqual(['a', 'b'])
})

test('createOutcomeQueue() sends again what may have been lost with a connection', () => {
  const { queue, send, sent, clock } = aQueue()
  queue.connect(send)
  queue.add(outcome('old'))
  queue.flush()
  clock.nowMs = 9_000
  queue.add(outcome('young'))
  queue.flush()
  clock.nowMs = 12_000
  queue.disconnect()
  queue.add(outcome('later'))
  queue.connect(send)
  expect(sent).toEqual(['old', 'young', 'young', 'later'])
})

test('createOutcomeQueue() is full at its maximum, and no longer once it could send', () => {
  const { queue, send } = aQueue(2)
  queue.add(outcome('a'))
  expect(queue.isFull()).toBe(false)
  queue.add(outcome('b'))
  expect(queue.isFull()).toBe(true)
  queue.connect(send)
  expect(queue.isFull()).toBe(false)
})

test('createOutcomeQueue() bounds what it remembers as sent', () => {
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
