import { connect as connectHttp2 } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findKube } from '../../support/find-kubernetes.ts'
import {
  MAPS,
  makeAccount,
  printRequest,
  type RealApiPair,
  startRealApiPair,
} from '../../support/real-api-pair.ts'

/*
 * A real kube-apiserver that asks clients to go elsewhere, as `--goaway-chance` has it do: after two answers of a
 * hundred it takes no other stream on that connection. 400 watches meet about eight of these.
 */

const kube = findKube()
const WATCHES = 400
const TIMEOUT_MS = 60_000

interface Watch {
  readonly socket: TLSSocket
  text: string
}

describe.skipIf(kube === undefined)('startSidecar() before an API server that sends GOAWAY', () => {
  let pair: RealApiPair
  beforeAll(async () => {
    pair = await startRealApiPair(kube ?? '', makeAccount, ['--goaway-chance=0.02'])
  })
  afterAll(() => pair?.close())

  function watch(): Watch {
    const { port, caPem, token } = pair.through
    const socket = connect({ port, host: '127.0.0.1', ca: caPem, ALPNProtocols: ['http/1.1'] })
    const seen: Watch = { socket, text: '' }
    socket.on('data', (chunk) => {
      seen.text += chunk.toString('latin1')
    })
    socket.on('error', (error) => {
      seen.text += String(error)
    })
    const target = `${MAPS}?watch=1&fieldSelector=metadata.name%3Dtold`
    socket.write(printRequest({ target }).replace('TOKEN', token))
    return seen
  }

  test(
    'opens every watch and has each see what happens',
    async () => {
      const watches = Array.from({ length: WATCHES }, watch)
      try {
        const opened = () =>
          watches.filter(({ text }) => text.startsWith('HTTP/1.1 200 OK\r\n')).length
        await expect.poll(opened, { timeout: TIMEOUT_MS, interval: 200 }).toBe(WATCHES)
        const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"told"}}'
        const made = await pair.ask({
          method: 'POST',
          body,
          headers: ['Content-Type: application/json'],
        })
        // The second of the two finds the object there.
        expect([made.theirs.httpStatus, made.ours.httpStatus].sort()).toEqual([201, 409])
        const told = () => watches.filter(({ text }) => text.includes('"type":"ADDED"')).length
        await expect.poll(told, { timeout: TIMEOUT_MS, interval: 200 }).toBe(WATCHES)
        expect(watches.filter(({ socket }) => socket.readableEnded || socket.destroyed)).toEqual([])
      } finally {
        for (const { socket } of watches) socket.destroy()
      }
    },
    2 * TIMEOUT_MS + 20_000,
  )

  test(
    'does meet GOAWAY there: a client of Node gets one within 2,000 requests',
    async () => {
      const { port, caPem, token } = pair.direct
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: caPem })
      try {
        let isTold = false
        session.once('goaway', () => {
          isTold = true
        })
        let asked = 0
        while (!isTold && !session.closed && asked < 2_000) {
          asked += 1
          const stream = session.request({ ':path': MAPS, authorization: `Bearer ${token}` })
          await new Promise((resolve) =>
            stream.resume().once('close', resolve).once('error', resolve),
          )
        }
        await expect.poll(() => isTold).toBe(true)
      } finally {
        session.destroy()
      }
    },
    TIMEOUT_MS,
  )
})
