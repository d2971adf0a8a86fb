import type { UpgradeKind } from '../../core/kubernetes/tunnel-parameters.ts'
import type { ChannelCoding } from './channel-reader.ts'
import { CommandEvents } from './command-events.ts'
import { FileWatch, tarDirection } from './file-watch.ts'
import { ForwardEvents } from './forward-events.ts'
import { SpdyCommand } from './spdy-command.ts'
import { SpdyForward } from './spdy-forward.ts'
import type { Observed, TunnelObserver } from './tunnel-observer.ts'
import { Unreadable } from './unreadable.ts'
import { WebSocketCommand } from './websocket-command.ts'
import { WebSocketForward } from './websocket-forward.ts'
import { WebSocketTunnel } from './websocket-tunnel.ts'

/** What an upgraded connection carries. */
export interface TunnelKind {
  readonly upgrade: UpgradeKind
  /** To which the connection was upgraded, in lower case: `websocket` or `spdy/3.1`. */
  readonly protocol: string
  /** The subprotocol that the API server chose; empty when it named none. */
  readonly subprotocol: string
  /** Of an exec: the program first. */
  readonly command: readonly string[]
  /** That a port-forward names in its query. */
  readonly ports: readonly number[]
}

interface Coding extends ChannelCoding {
  readonly endsWithStatus: boolean
}

const PLAIN: Coding = { base64: false, closes: false, endsWithStatus: false }
const BASE64: Coding = { ...PLAIN, base64: true }

/** Subprotocols of exec and attach over a WebSocket. Source: cri-streaming remotecommand/websocket.go (v0.37). */
const COMMAND_CODINGS: ReadonlyMap<string, Coding> = new Map([
  ['', PLAIN],
  ['channel.k8s.io', PLAIN],
  ['base64.channel.k8s.io', BASE64],
  ['v4.channel.k8s.io', { ...PLAIN, endsWithStatus: true }],
  ['v4.base64.channel.k8s.io', { ...BASE64, endsWithStatus: true }],
  ['v5.channel.k8s.io', { ...PLAIN, closes: true, endsWithStatus: true }],
])

/** The same of SPDY: whether the error stream carries a `Status`. */
const SPDY_COMMANDS: ReadonlyMap<string, boolean> = new Map([
  ['', false],
  ['channel.k8s.io', false],
  ['v2.channel.k8s.io', false],
  ['v3.channel.k8s.io', false],
  ['v4.channel.k8s.io', true],
  ['v5.channel.k8s.io', true],
])

const FORWARD_CODINGS: ReadonlyMap<string, ChannelCoding> = new Map([
  ['', PLAIN],
  ['v4.channel.k8s.io', PLAIN],
  ['v4.base64.channel.k8s.io', BASE64],
])

/** SPDY inside a WebSocket. Source: apimachinery/pkg/util/httpstream/wsstream/conn.go (v1.34). */
const TUNNELED = /^SPDY\/3\.1\+[\w.-]*\.k8s\.io$/

/** How messages of an exec or attach over a WebSocket are written; undefined for a subprotocol that is not known. */
export function commandCoding(subprotocol: string): ChannelCoding | undefined {
  return COMMAND_CODINGS.get(subprotocol)
}

/** Whether an exec or attach over SPDY has a subprotocol that is known. */
export function isSpdyCommand(subprotocol: string): boolean {
  return SPDY_COMMANDS.has(subprotocol)
}

/** Reads a tunnel from its first byte after the 101. Throws `Unreadable` for a protocol that is not known. */
export function observeTunnel(kind: TunnelKind, observed: Observed): TunnelObserver {
  const { protocol, subprotocol, upgrade } = kind
  const unknown = new Unreadable(`the subprotocol ${JSON.stringify(subprotocol)} over ${protocol}`)
  if (protocol !== 'websocket' && protocol !== 'spdy/3.1') throw unknown
  if (upgrade === 'portforward') return observeForward(kind, observed) ?? fail(unknown)
  return observeCommand(kind, observed) ?? fail(unknown)
}

function fail(error: Error): never {
  throw error
}

function observeForward(kind: TunnelKind, { emit }: Observed): TunnelObserver | undefined {
  const { protocol, subprotocol, ports } = kind
  const events = new ForwardEvents(emit)
  if (protocol === 'spdy/3.1') return new SpdyForward(events)
  if (TUNNELED.test(subprotocol)) return new WebSocketTunnel(new SpdyForward(events))
  const coding = FORWARD_CODINGS.get(subprotocol)
  return coding && new WebSocketForward({ coding, ports, events })
}

function observeCommand(kind: TunnelKind, { emit, level }: Observed): TunnelObserver | undefined {
  const { protocol, subprotocol, command } = kind
  const direction = tarDirection(command)
  const files = direction === undefined ? undefined : new FileWatch(direction, emit)
  const events = (endsWithStatus: boolean) =>
    new CommandEvents({ level, endsWithStatus, files, emit })
  if (protocol === 'spdy/3.1') {
    const endsWithStatus = SPDY_COMMANDS.get(subprotocol)
    if (endsWithStatus === undefined) return undefined
    return new SpdyCommand({ endsWithStatus, events: events(endsWithStatus) })
  }
  const coding = COMMAND_CODINGS.get(subprotocol)
  if (coding === undefined) return undefined
  const { endsWithStatus } = coding
  return new WebSocketCommand({ coding, endsWithStatus, events: events(endsWithStatus) })
}
