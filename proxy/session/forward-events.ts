import type { Observation } from './observation.ts'

/** Of what an error stream says. */
const ERROR_BYTES_MAX = 1_024

interface Connection {
  readonly port: number
  bytesToPod: number
  bytesFromPod: number
  error: string
}

/** Connections of a port-forward, whatever carried them, as events of a session. Their bytes are counted, not kept. */
export class ForwardEvents {
  readonly #emit: (event: Observation) => void
  readonly #open = new Map<number, Connection>()
  #last = 0

  constructor(emit: (event: Observation) => void) {
    this.#emit = emit
  }

  /** Number of the connection to this port that begins. */
  open(port: number): number {
    this.#last += 1
    const connection = this.#last
    const opened = { port, bytesToPod: 0, bytesFromPod: 0, error: '' }
    this.#open.set(connection, opened)
    this.#emit({ kind: 'connection_opened', connection, ...opened })
    return connection
  }

  toPod(connection: number, bytes: number): void {
    const open = this.#open.get(connection)
    if (open !== undefined) open.bytesToPod += bytes
  }

  fromPod(connection: number, bytes: number): void {
    const open = this.#open.get(connection)
    if (open !== undefined) open.bytesFromPod += bytes
  }

  /** The API server says on the error stream why the connection failed. */
  failed(connection: number, said: Buffer): void {
    const open = this.#open.get(connection)
    if (open === undefined) return
    const room = Math.max(0, ERROR_BYTES_MAX - Buffer.byteLength(open.error))
    open.error += said.subarray(0, room).toString('utf8')
  }

  /** The connection is over; nothing when that was said before. */
  close(connection: number): void {
    const open = this.#open.get(connection)
    if (open === undefined) return
    this.#open.delete(connection)
    this.#emit({ kind: 'connection_closed', connection, ...open })
  }

  /** The session is over, and with it whatever is open. */
  finish(): void {
    for (const connection of [...this.#open.keys()]) this.close(connection)
  }
}
