import { connect, type TLSSocket } from 'node:tls'
import { ChannelReader } from '../proxy/session/channel-reader.ts'
import { fromClient } from '../test/support/websocket-bytes.ts'

/** Where an exec is opened, and what it runs. */
export interface ExecTarget {
  readonly host: string
  readonly port: number
  readonly token: string
  /** Path of the pod's exec. */
  readonly path: string
  readonly command: readonly string[]
  readonly stdin: boolean
}

const STDIN = 0
const STDOUT = 1
const ERROR = 3
const HEAD_END = '\r\n\r\n'
/** Says that a channel is closed, in v5. */
const CLOSE = 255
/** Opcode of a frame. */
const CLOSE_FRAME = 8

/**
 * A client of exec over a WebSocket that does no more than it must, so that what is measured is the way. It trusts
 * whatever answers: each way has an authority of its own.
 */
export class ExecClient {
  /** Bytes of the command's output. */
  received = 0
  readonly #socket: TLSSocket
  readonly #reader: ChannelReader
  readonly #ended = Promise.withResolvers<void>()
  #head = ''
  #status = ''
  #onOutput: (() => void) | undefined

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    const sink = {
      onChannel: (channel: number, bytes: Buffer) => this.#receive(channel, bytes),
      onChannelMessage: () => undefined,
      onChannelClosed: () => undefined,
      // A server that has said its last word waits for the client to hang up.
      onControl: (opcode: number) => {
        if (opcode === CLOSE_FRAME) this.#ended.resolve()
      },
    }
    const side = { masked: false, fragments: true }
    this.#reader = new ChannelReader(side, { base64: false, closes: true }, sink)
  }

  /** Resolves once the API server has upgraded; throws with its answer when it does not. */
  static async open(target: ExecTarget): Promise<ExecClient> {
    const { host, port } = target
    const socket = connect({ host, port, rejectUnauthorized: false })
    const client = new ExecClient(socket)
    socket.setNoDelay(true)
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
    })
    socket.write(requestHead(target))
    await client.#upgraded()
    return client
  }

  #upgraded(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const read = (chunk: Buffer): void => {
      this.#head += chunk.toString('latin1')
      const end = this.#head.indexOf(HEAD_END)
      if (end < 0) return
      const rest = this.#head.length - end - HEAD_END.length
      this.#socket.off('data', read).on('data', (bytes: Buffer) => this.#reader.push(bytes))
      if (!this.#head.startsWith('HTTP/1.1 101 ')) reject(new Error(this.#head.slice(0, 2_000)))
      else if (rest > 0) this.#reader.push(chunk.subarray(chunk.length - rest))
      resolve()
    }
    this.#socket.on('data', read)
    const gone = () => {
      reject(new Error(`The connection ended: ${this.#head.slice(0, 2_000)}`))
      this.#ended.resolve()
    }
    this.#socket.once('close', gone).once('end', gone)
    return promise
  }

  #receive(channel: number, bytes: Buffer): void {
    if (channel === ERROR) this.#status += bytes.toString()
    if (channel !== STDOUT) return
    this.received += bytes.length
    this.#onOutput?.()
  }

  /** Types a text; resolves with the milliseconds until as many bytes came back. */
  async echo(text: string): Promise<number> {
    const wanted = this.received + text.length
    const typed = fromClient(STDIN, text)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onOutput = () => {
      if (this.received >= wanted) resolve()
    }
    const began = performance.now()
    this.#socket.write(typed)
    await Promise.race([promise, this.#ended.promise])
    const ms = performance.now() - began
    if (this.received < wanted) throw new Error(`The session ended: ${this.#status}`)
    return ms
  }

  /** Says that nothing more is typed. */
  endInput(): void {
    this.#socket.write(fromClient(CLOSE, Buffer.from([STDIN])))
  }

  /** Breaks the session off. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Resolves when the command has ended. Throws unless it ended well. */
  async finish(): Promise<void> {
    await this.#ended.promise
    this.#socket.destroy()
    if (JSON.parse(this.#status || '{}').status === 'Success') return
    throw new Error(`The command did not end well: ${this.#status}`)
  }
}

function requestHead({ token, path, command, stdin }: ExecTarget): string {
  const query = new URLSearchParams({ stdout: 'true', ...(stdin ? { stdin: 'true' } : {}) })
  for (const word of command) query.append('command', word)
  return [
    `GET ${path}?${query} HTTP/1.1`,
    'Host: kubernetes.default.svc',
    `Authorization: Bearer ${token}`,
    ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Sec-WebSocket-Protocol: v5.channel.k8s.io${HEAD_END}`,
  ].join('\r\n')
}
