import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'
import { hasCredentialBody, parseCredentialBody } from '../../core/kubernetes/credential-body.ts'
import type { ReadRequest } from './read-request.ts'

/** kube-apiserver takes no larger one. Source: Kubernetes apiserver/pkg/server/config.go (v1.34). */
const BODY_BYTES_MAX = 3 * 1_024 * 1_024
/** All that is held at once; the memory of a sidecar is small, and its other bodies are streamed. */
const HELD_BYTES_MAX = 8 * 1_024 * 1_024

class HeldBodies {
  #bytes = 0

  /** Throws `overloaded` when too much is held already. */
  hold(bytes: number): void {
    if (this.#bytes + bytes > HELD_BYTES_MAX) {
      throw new Fault('overloaded', 'Too many bodies wait for a decision; try again')
    }
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}

const held = new HeldBodies()

/**
 * Reads the body of a request whose meaning hangs on it, holds it while `use` decides, and gives it the
 * request with the body; every other request as it is. Throws `request_too_large`, `overloaded`, and
 * `request_invalid` for a body that ends early.
 */
export async function withBody<Result>(
  incoming: IncomingMessage,
  request: ReadRequest,
  use: (request: ReadRequest) => Promise<Result>,
): Promise<Result> {
  // Whoever waits for 100 Continue sends nothing yet; such a body stays unknown.
  const { hasBody, expectsContinue, info } = request
  if (!hasBody || expectsContinue || !hasCredentialBody(info.attributes)) return use(request)
  let size = 0
  try {
    const chunks: Buffer[] = []
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      held.hold(chunk.length)
      size += chunk.length
      if (size > BODY_BYTES_MAX) {
        throw new Fault('request_too_large', `This body may have at most ${BODY_BYTES_MAX} bytes`)
      }
      chunks.push(chunk)
    }
    if (!incoming.complete) throw new Fault('request_invalid', 'The body ended early')
    const bytes = Buffer.concat(chunks)
    const says = parseCredentialBody(info.attributes, incoming.headers['content-type'], bytes)
    return await use({ ...request, body: { bytes, says } })
  } finally {
    held.release(size)
  }
}
