import type { Observation } from '../../proxy/session/observation.ts'
import { observeTunnel, type TunnelKind } from '../../proxy/session/observe-tunnel.ts'
import type { TunnelObserver } from '../../proxy/session/tunnel-observer.ts'

/** Bytes of one way of a tunnel, in their order with those of the other way. */
export type Passed = readonly [way: 'caller' | 'server', bytes: Buffer]

/** An exec over the newest protocol, unless told otherwise. */
export const EXEC: TunnelKind = {
  ...{ upgrade: 'exec', protocol: 'websocket', subprotocol: 'v5.channel.k8s.io' },
  command: ['sh'],
  ports: [],
}

/** What an observer told, bytes as text, adjacent pieces of one stream put together. */
export function told(events: readonly Observation[]): readonly unknown[] {
  const all: unknown[] = []
  let run: [kind: string, pieces: Uint8Array[]] | undefined
  for (const event of events) {
    if (!('bytes' in event) || typeof event.bytes === 'number') {
      run = undefined
      all.push(event)
    } else if (run?.[0] === event.kind) run[1].push(event.bytes)
    else {
      run = [event.kind, [event.bytes]]
      all.push(run)
    }
  }
  return all.map((one) =>
    Array.isArray(one) ? [one[0], Buffer.concat(one[1]).toString('latin1')] : one,
  )
}

/** Passes everything through an observer, in pieces of at most `size` bytes. */
export function observeBytes(
  kind: Partial<TunnelKind>,
  passed: readonly Passed[],
  size = Number.MAX_SAFE_INTEGER,
  level: 'output' | 'all' = 'all',
): { readonly events: readonly Observation[]; readonly observer: TunnelObserver } {
  const events: Observation[] = []
  const emit = (event: Observation) => void events.push(copied(event))
  const observer = observeTunnel({ ...EXEC, ...kind }, { level, emit })
  for (const [way, bytes] of passed) {
    for (let at = 0; at < bytes.length; at += size) {
      const piece = bytes.subarray(at, at + size)
      if (way === 'caller') observer.fromCaller(piece)
      else observer.fromServer(piece)
    }
  }
  return { events, observer }
}

function copied(event: Observation): Observation {
  if (!('bytes' in event) || typeof event.bytes === 'number') return event
  return { ...event, bytes: Buffer.from(event.bytes) } as Observation
}
