import { connect, type TLSSocket } from 'node:tls'

/** A server that speaks HTTP/1.1 over TLS on loopback, and who asks it. */
export interface RawServer {
  readonly port: number
  readonly caPem: string
  readonly token: string
}

/** One answer, its framing taken off. */
export interface RawAnswer {
  readonly httpStatus: number
  /** Names in lower case; the last of several counts. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const ANSWER_MS_MAX = 15_000
/** How long a tunnel's first bytes may take after its 101. */
const FIRST_BYTES_MS = 500

/**
 * Sends bytes of the test's own, as no HTTP client would write them, and reads `count` answers.
 * `TOKEN` in the text stands for the server's token. An answer that never comes has the status 0.
 */
export async function exchange(
  server: RawServer,
  text: string,
  count = 1,
): Promise<readonly RawAnswer[]> {
  const bytes = Buffer.from(text.replaceAll('TOKEN', server.token), 'latin1')
  const socket = await open(server)
  try {
    socket.write(bytes)
    return await readAnswers(socket, count)
  } finally {
    socket.destroy()
  }
}

function open({ port, caPem }: RawServer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', ca: caPem, ALPNProtocols: ['http/1.1'] }
    const socket = connect(options, () => resolve(socket))
    socket.once('error', reject)
  })
}

function readAnswers(socket: TLSSocket, count: number): Promise<readonly RawAnswer[]> {
  return new Promise((resolve) => {
    let received = ''
    const finish = (ended: boolean) => {
      clearTimeout(timer)
      resolve(parseAnswers(received, ended))
    }
    const timer = setTimeout(() => finish(true), ANSWER_MS_MAX)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const answers = parseAnswers(received, false)
      if (answers.length >= count) finish(false)
      // A tunnel has no end of its own.
      else if (/^HTTP\/1\.1 101/.test(received)) setTimeout(() => finish(true), FIRST_BYTES_MS)
    })
    // The other side may cut a connection on which it has answered.
    socket.on('error', () => finish(true))
    socket.on('close', () => finish(true))
  })
}

/** What stands for an answer that never came. */
export const NO_ANSWER: RawAnswer = { httpStatus: 0, headers: {}, body: '' }

/** Every whole answer; with `ended`, what has come of the last one too. */
function parseAnswers(text: string, ended: boolean): readonly RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest !== '') {
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) break
    const [statusLine = '', ...lines] = rest.slice(0, headEnd).split('\r\n')
    const httpStatus = Number(statusLine.split(' ')[1])
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const after = rest.slice(headEnd + 4)
    const taken = takeBody(httpStatus, headers, after, ended)
    if (taken === undefined) break
    rest = taken.rest
    // 100 Continue is no answer yet.
    if (httpStatus !== 100) answers.push({ httpStatus, headers, body: taken.body })
  }
  return ended && answers.length === 0 ? [NO_ANSWER] : answers
}

function takeBody(
  httpStatus: number,
  headers: Readonly<Record<string, string>>,
  text: string,
  ended: boolean,
): { body: string; rest: string } | undefined {
  if (httpStatus === 100 || httpStatus === 204 || httpStatus === 304)
    return { body: '', rest: text }
  const length = headers['content-length']
  if (httpStatus !== 101 && headers['transfer-encoding'] === 'chunked') {
    const end = text.indexOf('\r\n0\r\n')
    const whole = text.startsWith('0\r\n') ? 0 : end
    if (whole >= 0) return { body: text.slice(0, whole), rest: text.slice(whole + 7) }
  } else if (httpStatus !== 101 && length !== undefined) {
    const bytes = Number(length)
    if (text.length >= bytes) return { body: text.slice(0, bytes), rest: text.slice(bytes) }
  }
  return ended ? { body: text, rest: '' } : undefined
}
