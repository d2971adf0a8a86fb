import { Fault } from '../../core/fault.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { UpstreamExchange } from '../upstream/upstream-exchange.ts'
import type { BodyFilter } from './body-filter.ts'

/** What the bytes of a body go through on their way to the API server. */
export interface BodyWay {
  readonly upstream: UpstreamExchange
  readonly filter: BodyFilter | undefined
  readonly bytesMax: number
  /** The body is too long, or will not come whole. */
  readonly onFault: (fault: Fault) => void
}

/** Sends the body of a request on as it comes, as fast as the API server takes it, within its limit. */
export function passBody(request: CallerRequest, way: BodyWay): void {
  const { filter, bytesMax, onFault } = way
  const into = filter === undefined ? directly(request, way) : filtered(request, way, filter)
  let bytes = 0
  let failed = false
  request.readBody({
    onData: (chunk) => {
      if (failed) return
      bytes += chunk.length
      if (bytes <= bytesMax) into.write(chunk)
      else {
        failed = true
        onFault(new Fault('request_too_large', `A request body may have at most ${bytesMax} bytes`))
      }
    },
    onEnd: () => {
      if (!failed) into.end()
    },
    onLost: () => {
      if (!failed) onFault(new Fault('request_invalid', 'The body of the request ended early'))
    },
  })
}

/** Sends a body that was read already. */
export function sendBody(bytes: Buffer, { upstream, filter }: BodyWay): void {
  if (filter === undefined) {
    upstream.write(bytes)
    upstream.end()
    return
  }
  send(filter, upstream)
  filter.request.end(bytes)
}

interface Into {
  write(chunk: Buffer): void
  end(): void
}

function directly(request: CallerRequest, { upstream }: BodyWay): Into {
  upstream.onDrain = () => request.resumeBody()
  return {
    write: (chunk) => {
      if (!upstream.write(chunk)) request.pauseBody()
    },
    end: () => upstream.end(),
  }
}

function filtered(request: CallerRequest, { upstream }: BodyWay, filter: BodyFilter): Into {
  send(filter, upstream)
  return {
    write: (chunk) => {
      if (filter.request.write(chunk)) return
      request.pauseBody()
      filter.request.once('drain', () => request.resumeBody())
    },
    end: () => filter.request.end(),
  }
}

/** Sends what a filter lets through. */
function send({ request: from }: BodyFilter, upstream: UpstreamExchange): void {
  from.on('data', (chunk: Buffer) => {
    if (!upstream.write(chunk)) from.pause()
  })
  from.once('end', () => upstream.end())
  upstream.onDrain = () => from.resume()
}
