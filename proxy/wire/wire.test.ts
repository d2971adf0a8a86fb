import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answers, cut, cuts, each, requests } from '../../test/support/http-messages.ts'
import {
  createReadingServer,
  readAnswerWithNode,
  readRequestWithNode,
} from '../../test/support/read-with-node.ts'
import { type Framing, requestFraming, responseFraming } from './body-framing.ts'
import { BodyReader } from './body-reader.ts'
import { HeadBytes } from './head-bytes.ts'
import { parseHeaderLines } from './header-lines.ts'

/*
 * Whatever these readers take, Node's parser (llhttp) takes with the same meaning, and where the
 * borders of the chunks are changes nothing.
 */

const SEED = 20_261_127
const HEAD_MAX = 64 * 1024

interface OwnReading {
  readonly start: string
  readonly headers: readonly string[]
  readonly body: string
  /** Bytes of the message. */
  readonly length: number
}

type FramingOf = (start: string, headers: readonly string[]) => Framing

/** Undefined when it is malformed or not whole. */
function readOwn(chunks: readonly Buffer[], framingOf: FramingOf): OwnReading | undefined {
  const head = new HeadBytes(HEAD_MAX)
  const body: Buffer[] = []
  let length = 0
  let start: string | undefined
  let headers: readonly string[] = []
  let reader: BodyReader | undefined
  try {
    for (const chunk of chunks) {
      let rest = chunk
      if (reader === undefined) {
        const found = head.push(chunk)
        if (found === undefined) {
          length += chunk.length
          continue
        }
        length += chunk.length - found.rest.length
        rest = found.rest
        const end = found.text.indexOf('\r\n')
        start = found.text.slice(0, end)
        headers = parseHeaderLines(found.text, end + 2)
        reader = new BodyReader(framingOf(start, headers))
      }
      length += reader.read(rest, (part) => body.push(Buffer.from(part)))
    }
  } catch {
    return undefined
  }
  if (start === undefined || reader?.endOfInput() !== true) return undefined
  return { start, headers, body: Buffer.concat(body).toString('latin1'), length }
}

const asRequest: FramingOf = (_start, headers) => requestFraming(headers)
const asAnswerTo =
  (method: string): FramingOf =>
  (start, headers) =>
    responseFraming(method, Number(start.split(' ')[1]), headers)

test('what these take for a request, Node takes with the same meaning', async () => {
  const server = createReadingServer()
  let taken = 0
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      const own = readOwn([bytes], asRequest)
      if (own === undefined) return
      taken++
      const { start, headers, body, length } = own
      expect(await readRequestWithNode(server, bytes.subarray(0, length))).toEqual([
        { start: start.replace(' HTTP/1.1', ''), headers, body },
      ])
    }),
    { seed: SEED, numRuns: 1_000 },
  )
  expect(taken).toBeGreaterThan(150)
})

test.each(['GET', 'HEAD'])(
  'what these take for an answer to %s, Node takes with the same meaning',
  async (method) => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(answers, async (bytes) => {
        const own = readOwn([bytes], asAnswerTo(method))
        if (own === undefined) return
        taken++
        const { start, headers, body, length } = own
        expect(await readAnswerWithNode(method, bytes.subarray(0, length))).toEqual({
          start: start.replace('HTTP/1.1 ', ''),
          headers,
          body,
        })
      }),
      { seed: SEED, numRuns: 700 },
    )
    expect(taken).toBeGreaterThan(150)
  },
)

test('the borders of chunks change nothing', () => {
  fc.assert(
    fc.property(fc.oneof(requests, answers), cuts, (bytes, at) => {
      const whole = readOwn([bytes], asRequest)
      expect(readOwn(cut(bytes, at), asRequest)).toEqual(whole)
      expect(readOwn(each(bytes), asRequest)).toEqual(whole)
    }),
    { seed: SEED, numRuns: 700 },
  )
})
