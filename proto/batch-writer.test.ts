import { expect, test } from 'vitest'
import { BATCH_MESSAGES_MAX, createBatchWriter } from './batch-writer.ts'

type Message = number | Message[]

/** A writer over a stream that takes a message when it is told to. */
function aWriter() {
  const written: Message[] = []
  const taken: number[] = []
  const takes: (() => void)[] = []
  const writer = createBatchWriter<Message>({
    write: (message, onTaken) => {
      written.push(message)
      takes.push(onTaken)
    },
    toBatch: (messages) => messages,
    onTaken: (messages) => taken.push(messages),
  })
  return { writer, written, taken, take: () => takes.shift()?.() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('write() sends a single message as it is', async () => {
  const { writer, written } = aWriter()
  writer.write(1)
  await turn()
  expect(written).toEqual([1])
})

test('write() sends what one turn says together, in its order', async () => {
  const { writer, written } = aWriter()
  for (const message of [1, 2, 3]) writer.write(message)
  await turn()
  expect(written).toEqual([[1, 2, 3]])
})

test('write() keeps what comes while the stream is busy, and sends it together', async () => {
  const { writer, written, taken, take } = aWriter()
  writer.write(1)
  await turn()
  writer.write(2)
  await turn()
  writer.write(3)
  await turn()
  expect(written).toEqual([1])
  take()
  expect(written).toEqual([1, [2, 3]])
  take()
  writer.write(4)
  await turn()
  expect(written).toEqual([1, [2, 3], 4])
  expect(taken).toEqual([1, 2])
})

test('write() sends no more than a batch may hold', async () => {
  const { writer, written, take } = aWriter()
  for (let message = 0; message <= BATCH_MESSAGES_MAX; message += 1) writer.write(message)
  await turn()
  expect(written).toHaveLength(1)
  expect(written[0]).toHaveLength(BATCH_MESSAGES_MAX)
  take()
  expect(written[1]).toBe(BATCH_MESSAGES_MAX)
})

test('whenIdle() calls back when everything was taken', async () => {
  const { writer, take } = aWriter()
  let idle = 0
  writer.whenIdle(() => {
    idle += 1
  })
  expect(idle).toBe(1)
  writer.write(1)
  writer.whenIdle(() => {
    idle += 10
  })
  await turn()
  writer.write(2)
  take()
  expect(idle).toBe(1)
  take()
  expect(idle).toBe(11)
})
