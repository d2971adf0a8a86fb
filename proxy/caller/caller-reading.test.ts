import { duplexPair } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cut, cuts, each, requests } from '../../test/support/http-messages.ts'
import { createReadingServer, readRequestWithNode } from '../../test/support/read-with-node.ts'
import { CallerConnection } from './caller-connection.ts'
import type { CallerHandler } from './caller-handler.ts'
import type { CallerRequest } from './caller-request.ts'

/*
 * Requests one behind the other on a connection: where one ends and the next begins is what smuggling
 * is about. Whatever is served here Node's own server (llhttp) reads as the same requests, in order.
 */

const SEED = 20_261_127
const LIMITS = { headBytesMax: 64 * 1024, headMs: 1e6, requestMs: 1e6, idleMs: 1e6 }

interface ServedRequest {
  readonly start: string
  readonly headers: readonly string[]
  readonly body: string
}

/** All requests that are served whole of what comes in these pieces. */
async function served(pieces: readonly Buffer[]): Promise<readonly ServedRequest[]> {
  const [near, far] = duplexPair()
  const seen: ServedRequest[] = []
  const handler: CallerHandler = {
    onRequest: (request, answer) => {
      takeBody(request, (body) => {
        const { method, target, rawHeaders } = request
        seen.push({ start: `${method} ${target}`, headers: rawHeaders, body })
        answer.begin(200, ['content-length', '0'])
        answer.end()
      })
    },
    asksForTunnel: () => false,
    onMalformed: (_problem, answer) => answer.destroy(),
    mayStay: () => true,
  }
  new CallerConnection(far, handler, LIMITS, () => 0)
  near.on('error', () => undefined).resume()
  for (const piece of pieces) {
    if (near.destroyed) break
    near.write(piece)
  }
  // An answer is told to have left some turns later, and only then the next request is looked at.
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  near.destroy()
  far.destroy()
  return seen
}

function takeBody(request: CallerRequest, onEnd: (body: string) => void): void {
  let body = ''
  request.readBody({
    onData: (chunk) => {
      body += chunk.toString('latin1')
    },
    onEnd: () => onEnd(body),
    onLost: () => undefined,
  })
}

const several = fc.array(requests, { minLength: 1, maxLength: 3 }).map((all) => Buffer.concat(all))

test('CallerConnection serves the requests that Node reads, and no other', async () => {
  const server = createReadingServer()
  let count = 0
  await fc.assert(
    fc.asyncProperty(several, async (bytes) => {
      const own = await served([bytes])
      count += own.length
      const theirs = await readRequestWithNode(server, bytes)
      // What Node refuses further on it refuses altogether here: only what comes before can be compared.
      if (theirs === undefined) return
      expect(theirs.slice(0, own.length)).toEqual(own)
    }),
    { seed: SEED, numRuns: 1_500 },
  )
  expect(count).toBeGreaterThan(500)
})

test('CallerConnection serves the same wherever the pieces are cut', async () => {
  await fc.assert(
    fc.asyncProperty(several, cuts, async (bytes, at) => {
      const whole = await served([bytes])
      expect(await served(cut(bytes, at))).toEqual(whole)
      expect(await served(each(bytes))).toEqual(whole)
    }),
    { seed: SEED, numRuns: 300 },
  )
})
