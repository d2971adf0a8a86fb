import { expect, test } from 'vitest'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import { OpenRequests } from './open-requests.ts'

const CONNECTION = { remoteAddress: '127.0.0.1', remotePort: 1 }

function anAnswer() {
  const closed: (() => void)[] = []
  return {
    onClose: (call: () => void) => void closed.push(call),
    close: () => {
      for (const call of closed) call()
    },
  }
}

function opened(count: number, tight: boolean, openRequestsMax = 64) {
  const metrics = createSidecarMetrics(createMetrics('test', '0'))
  const open = new OpenRequests({
    metrics,
    openRequestsMax,
    memory: { isTight: () => tight, whenRoomy: (go) => go(), setOpen: () => undefined },
  })
  const answers = Array.from({ length: count }, anAnswer)
  for (const answer of answers) open.add(CONNECTION, answer)
  return { open, answers }
}

test.each([
  ['none', 0, false, false],
  ['all but one', 63, false, false],
  ['all', 64, false, true],
  ['a few while memory is short', 31, true, false],
  ['more than a few while memory is short', 32, true, true],
])('isFull() with %s', (_name, count, tight, want) => {
  expect(opened(count, tight).open.isFull()).toBe(want)
})

test('isFull() no longer when one of them has closed', () => {
  const { open, answers } = opened(32, true)
  answers[0]?.close()
  expect(open.isFull()).toBe(false)
})

test('isBusy() until the last request of the connection has closed, by address and port', () => {
  const { open, answers } = opened(2, false)
  expect(open.isBusy({ ...CONNECTION, remoteAddress: '::1' })).toBe(false)
  expect(open.isBusy({ ...CONNECTION, remotePort: 2 })).toBe(false)
  answers[0]?.close()
  expect(open.isBusy(CONNECTION)).toBe(true)
  answers[1]?.close()
  expect(open.isBusy(CONNECTION)).toBe(false)
})

test('drained() resolves when there is none, and after the last has closed', async () => {
  await opened(0, false).open.drained()
  const { open, answers } = opened(2, false)
  let drained = false
  const waiting = open.drained().then(() => {
    drained = true
  })
  answers[0]?.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(drained).toBe(false)
  answers[1]?.close()
  await waiting
})
