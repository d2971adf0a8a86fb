import type { Server, Socket } from 'node:net'

export interface ConnectionBounds {
  /** Open connections of all peers together. */
  readonly total: number
  /** Those of one remote address. */
  readonly perAddress: number
  /** Whether a connection is in use, and so may not make room for another; none is unless told. */
  readonly isBusy?: (socket: Socket) => boolean
}

/**
 * Keeps the connections of a server within bounds. A new one takes the place of the oldest that is not
 * in use, of its own address first: whoever holds many connections open, half a request on each, loses
 * those, and someone who asks now and then is served. When all are in use the new one is closed.
 */
export function boundConnections(server: Pick<Server, 'on'>, bounds: ConnectionBounds): void {
  const open = new Connections(bounds)
  server.on('connection', (socket: Socket) => open.add(socket))
}

/** Those that are counted; what is released goes on, and is counted no more. */
export class Connections {
  readonly #bounds: ConnectionBounds
  /** In the order in which they came, as sets are. */
  readonly #all = new Set<Socket>()
  readonly #byAddress = new Map<string, Set<Socket>>()

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds
  }

  add(socket: Socket): void {
    // Read once: a closed socket does not know it any more.
    const address = socket.remoteAddress ?? ''
    const own = this.#byAddress.get(address) ?? new Set()
    const { total, perAddress } = this.#bounds
    const room =
      (own.size < perAddress || this.#makeRoom(own)) &&
      (this.#all.size < total || this.#makeRoom(this.#all))
    if (!room) {
      socket.destroy()
      return
    }
    own.add(socket)
    this.#byAddress.set(address, own)
    this.#all.add(socket)
    socket.once('close', () => this.#remove(socket, address, own))
  }

  /** Counts one no more, which stays open. */
  release(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const own = this.#byAddress.get(address)
    if (own?.has(socket) === true) this.#remove(socket, address, own)
  }

  #makeRoom(among: Set<Socket>): boolean {
    for (const socket of among) {
      if (this.#bounds.isBusy?.(socket)) continue
      // It leaves immediately: its close is told later, and others may come before.
      this.#all.delete(socket)
      this.#byAddress.get(socket.remoteAddress ?? '')?.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  #remove(socket: Socket, address: string, own: Set<Socket>): void {
    this.#all.delete(socket)
    own.delete(socket)
    if (own.size === 0 && this.#byAddress.get(address) === own) this.#byAddress.delete(address)
  }
}
