import { expect, test } from 'vitest'
import type { Observation } from '../../proxy/session/observation.ts'
import { chunkEvents } from './chunk-events.ts'

const output = (text: string): Observation => ({ kind: 'output', bytes: Buffer.from(text) })
const oops: Observation = { kind: 'error_output', bytes: Buffer.from('!') }

test('chunkEvents joins the bytes of one stream, in their order', () => {
  const [chunk, ...others] = chunkEvents([output('a'), output('b'), oops, output('c')], 7)
  expect(others).toEqual([])
  expect(chunk?.events).toEqual([
    { ...output('ab'), atUs: 7 },
    { ...oops, atUs: 7 },
    { ...output('c'), atUs: 7 },
  ])
})

test('chunkEvents makes chunks that may be sent, and loses no byte', () => {
  const pieces = Array.from({ length: 3_000 }, (_, index) => [output('x'.repeat(index)), oops])
  const long = output('y'.repeat(1_000_000))
  const chunks = chunkEvents([...pieces.flat(), long], 0)
  const kept = chunks.flatMap(({ events }) =>
    events.flatMap((event) => (event.kind === 'output' ? [event.bytes] : [])),
  )
  expect(Math.max(...chunks.map(({ bytes }) => bytes))).toBeLessThanOrEqual(128 * 1024)
  expect(Buffer.concat(kept).length).toBe((3_000 * 2_999) / 2 + 1_000_000)
})

test('chunkEvents makes nothing of nothing', () => {
  expect(chunkEvents([], 0)).toEqual([])
})
