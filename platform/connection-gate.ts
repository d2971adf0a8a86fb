import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Connections } from './bound-connections.ts'

/** What connections may take on which nobody has shown a credential yet. */
export interface GateBounds {
  /** Open at the same time, of all peers together. */
  readonly total: number
  /** Those of one remote address; pods that share one behind a NAT share these. */
  readonly perAddress: number
  /** Until when a credential must have been shown, in milliseconds. */
  readonly patienceMs: number
  /** What may be read before, in bytes of TLS. */
  readonly bytesMax: number
  /** Once a credential was shown; not bounded unless told. */
  readonly known?: { readonly total: number; readonly perAddress: number }
  /** Those of addresses from which a credential was shown before; bounded as all others unless told. */
  readonly familiar?: { readonly total: number; readonly perAddress: number }
}

/**
 * One connection takes some 65 KiB with its TLS, and up to 64 KiB with what was sent: 32 MiB at the very
 * most. 64 KiB is four times the longest enrolment, and more than any head.
 */
export const STRANGERS: GateBounds = {
  total: 256,
  perAddress: 32,
  patienceMs: 10_000,
  bytesMax: 64 * 1_024,
}

/**
 * Where only kube-apiserver has a credential: a burst of pods makes it open a connection for each at the same
 * time, and a connection that is cut refuses a pod. Its own address is soon familiar, and a flood from pods takes
 * none of its places.
 */
export const STRANGERS_TO_FRONT_PROXY: GateBounds = {
  ...STRANGERS,
  perAddress: 128,
  familiar: { total: 512, perAddress: 256 },
}

/** Kube-apiservers, and what is between them and us. The one that was seen longest ago is forgotten. */
const FAMILIAR_MAX = 64

/** So old a connection must be to make room for another: else a burst of many would leave none to the end. */
const SPARED_MS = 500
/** How often it is looked for those that are late or have sent too much. */
const SWEEP_MS = 50

/** An open connection; both ends of a TLS socket tell the same. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

interface Stranger {
  readonly socket: Socket
  readonly sinceMs: number
  /** Among whom it is counted. */
  readonly among: Connections
}

/**
 * Bounds the connections of a server on which nobody has shown a credential yet: their number, their time,
 * and what is read of them. A new one takes the place of the oldest, of its own address first; those that
 * have shown one are not counted here, and so a flood of strangers cannot take their place.
 */
export class ConnectionGate {
  readonly #bounds: GateBounds
  readonly #counted: Connections
  readonly #known: Connections | undefined
  readonly #familiar: Connections | undefined
  /** From which a credential was shown, the latest last. */
  readonly #familiarAddresses = new Set<string>()
  /** By address and port, in the order in which they came. */
  readonly #strangers = new Map<string, Stranger>()
  #sweep: NodeJS.Timeout | undefined

  constructor(bounds: GateBounds) {
    this.#bounds = bounds
    const isBusy = (socket: Socket) => this.#isYoung(socket)
    this.#counted = new Connections({ ...bounds, isBusy })
    this.#known = bounds.known === undefined ? undefined : new Connections(bounds.known)
    this.#familiar =
      bounds.familiar === undefined ? undefined : new Connections({ ...bounds.familiar, isBusy })
  }

  /** Counts a connection that was accepted. False when there is no room for it; it is closed then. */
  enter(socket: Socket): boolean {
    const key = keyOf(socket)
    const isFamiliar = this.#familiarAddresses.has(socket.remoteAddress ?? '')
    const among = (isFamiliar ? this.#familiar : undefined) ?? this.#counted
    const stranger = { socket, sinceMs: performance.now(), among }
    among.add(socket)
    if (socket.destroyed) return false
    this.#strangers.set(key, stranger)
    socket.once('close', () => {
      if (this.#strangers.get(key) === stranger) this.#strangers.delete(key)
    })
    this.#sweep ??= setInterval(() => this.#endThoseOverBounds(), SWEEP_MS).unref()
    return true
  }

  /** A credential was shown on this connection. */
  pass(peer: Peer): void {
    if (this.#familiar !== undefined) this.#remember(peer.remoteAddress ?? '')
    this.passKey(keyOf(peer))
  }

  /** The same, by `address:port` as gRPC tells it. */
  passKey(key: string): void {
    const stranger = this.#strangers.get(key)
    if (stranger === undefined) return
    this.#strangers.delete(key)
    stranger.among.release(stranger.socket)
    this.#known?.add(stranger.socket)
  }

  #remember(address: string): void {
    this.#familiarAddresses.delete(address)
    this.#familiarAddresses.add(address)
    const [oldest] = this.#familiarAddresses
    if (this.#familiarAddresses.size > FAMILIAR_MAX && oldest !== undefined)
      this.#familiarAddresses.delete(oldest)
  }

  #isYoung(socket: Socket): boolean {
    const stranger = this.#strangers.get(keyOf(socket))
    return stranger !== undefined && performance.now() - stranger.sinceMs < SPARED_MS
  }

  #endThoseOverBounds(): void {
    const { patienceMs, bytesMax } = this.#bounds
    const late = performance.now() - patienceMs
    for (const { socket, sinceMs } of this.#strangers.values()) {
      if (sinceMs <= late || socket.bytesRead > bytesMax) socket.destroy()
    }
    if (this.#strangers.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

/**
 * Gates an HTTPS server that asks for certificates: a connection passes once an authority of the server has
 * vouched for its certificate.
 */
export function gateByCertificate(server: Pick<Server, 'on'>, bounds: GateBounds): void {
  const gate = new ConnectionGate(bounds)
  server.on('connection', (socket: Socket) => void gate.enter(socket))
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized) gate.pass(socket)
  })
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress}:${remotePort}`
}
