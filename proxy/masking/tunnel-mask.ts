import type { IncomingHttpHeaders } from 'node:http'
import { type Duplex, Transform } from 'node:stream'
import { assert } from '../../core/assert.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { commandCoding, isSpdyCommand } from '../session/observe-tunnel.ts'
import { type OutputWire, SpdyOutput, WebSocketOutput } from '../session/output-wire.ts'
import { heldStream } from './held-stream.ts'
import { MaskedOutput } from './masked-output.ts'

export interface TunnelMaskOptions {
  readonly mask: MaskOrder
  /** Of the exec or attach. */
  readonly attributes: RequestAttributes
  /** To which the connection was upgraded, in lower case: `websocket` or `spdy/3.1`. */
  readonly protocol: string
  /** Of the API server's 101. */
  readonly headers: IncomingHttpHeaders
}

/** One exec or attach in whose output values are hidden. What the caller sends passes as it is. */
export class TunnelMask {
  /** From the caller to the API server. */
  readonly request: Duplex
  /** From the API server to the caller. */
  readonly response: Duplex
  readonly #output: MaskedOutput

  /** Throws `upstream_failed` for a protocol whose output cannot be masked. */
  constructor({ mask, attributes, protocol, headers }: TunnelMaskOptions) {
    const { scanner } = mask
    assert(scanner !== undefined, 'output is masked by the mask credentials and by patterns alone')
    const wire = wireOf(protocol, headers)
    const output = new MaskedOutput({ wire, mask, attributes, scanner })
    this.#output = output
    this.response = heldStream(output)
    this.request = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        try {
          output.fromCaller(chunk)
        } catch (error) {
          // Converted: the stream tells it, and nothing passes any more.
          done(Fault.from(error))
          return
        }
        done(null, chunk)
      },
    })
  }

  /** How many values were hidden so far, by mask. */
  counts(): ReadonlyMap<string, number> {
    return this.#output.counts()
  }
}

function wireOf(protocol: string, headers: IncomingHttpHeaders): OutputWire {
  const name = protocol === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version'
  const subprotocol = String(headers[name] ?? '')
  const coding = protocol === 'websocket' ? commandCoding(subprotocol) : undefined
  if (coding !== undefined) return new WebSocketOutput(coding)
  if (protocol === 'spdy/3.1' && isSpdyCommand(subprotocol)) return new SpdyOutput()
  const shown = JSON.stringify(subprotocol.slice(0, 64))
  throw new Fault(
    'upstream_failed',
    `The output of this session must be masked, and that of the subprotocol ${shown} over ${protocol} cannot be; ask for v5.channel.k8s.io, or have the policy changed`,
  )
}
