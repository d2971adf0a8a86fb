import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { createMetrics } from '../../platform/metrics.ts'
import { createSidecarMetrics } from '../../sidecar/sidecar-metrics.ts'
import { answerClientError } from './client-error.ts'

const CODES = {
  late: 'ERR_HTTP_REQUEST_TIMEOUT',
  tooLong: 'HPE_HEADER_OVERFLOW',
  malformed: 'HPE_INVALID_METHOD',
  reset: 'ECONNRESET',
} as const

async function answerTo(code: string, bytesRead: number) {
  const metrics = createMetrics('test', '0')
  const written: string[] = []
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString())
      done()
    },
  })
  const error = Object.assign(new Error('from Node'), { code })
  answerClientError(
    createSidecarMetrics(metrics),
    1_024,
    error,
    Object.assign(socket, { bytesRead }),
  )
  const { destroyed } = socket
  socket.destroy()
  const counted = /malformed_requests_total (\d)/.exec(await metrics.text())?.[1]
  return { text: written.join(''), destroyed, counted }
}

test.each([
  ['a late head', CODES.late, 17, /^HTTP\/1\.1 408 .*"reason":"Timeout".*"code":408/s, '0'],
  ['what is not HTTP', CODES.malformed, 17, /^HTTP\/1\.1 400 .*"code":400/s, '1'],
  ['a head that is too long', CODES.tooLong, 17, /^HTTP\/1\.1 400 .*1024 bytes/s, '1'],
])('answerClientError() answers %s', async (_name, code, bytesRead, says, counted) => {
  const answer = await answerTo(code, bytesRead)
  expect(answer.text).toMatch(says)
  expect(answer).toMatchObject({ destroyed: false, counted })
})

test.each([
  ['a connection on which nothing came', CODES.late, 0],
  ['a connection that was reset', CODES.reset, 17],
])('answerClientError() ends %s without a word', async (_name, code, bytesRead) => {
  expect(await answerTo(code, bytesRead)).toEqual({ text: '', destroyed: true, counted: '0' })
})
