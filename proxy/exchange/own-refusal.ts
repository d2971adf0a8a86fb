import type { IncomingMessage } from 'node:http'
import { Fault } from '../../core/fault.ts'

/** More than kube-apiserver's own 401 takes in any encoding, which is about 130 bytes. */
const BYTES_MAX = 512

/**
 * Tells kube-apiserver's own 401, about the pod's real token, from one of a pod, a service or an
 * aggregated API behind it, which is the caller's. The head does not tell, so the body is kept until it
 * does. A backend that copies kube-apiserver's words makes its own caller try again, no more.
 *
 * Source: `Unauthorized` in Kubernetes apiserver/pkg/endpoints/filters/authentication.go and
 * apimachinery/pkg/api/errors/errors.go (v1.34); JSON, YAML, protobuf and CBOR hold the same words.
 */
export class Weighed401 {
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** True once it is too long to be kube-apiserver's own. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes > BYTES_MAX
  }

  /** What came so far. */
  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Whether the whole of it is kube-apiserver's own. */
  isOwn(): boolean {
    if (this.#bytes > BYTES_MAX) return false
    const text = this.body().toString('latin1')
    return (
      text.includes('Status') && text.includes('Failure') && text.split('Unauthorized').length === 3
    )
  }
}

/** A 401 would make callers drop their own token, which is good; the refused one is the pod's. */
export function tokenRefused(): Fault {
  return new Fault(
    'upstream_unavailable',
    "The API server did not accept the pod's own token, which may be about to be replaced; try again",
  )
}

/**
 * Whose the 401 of an ordinary answer is, as soon as that is known: our own, or of somebody who answered the caller, with
 * what was read of the body by then. `broken` when the answer breaks off before.
 */
export function weigh401(
  response: IncomingMessage,
  decided: (said: 'own' | 'broken' | Buffer) => void,
): void {
  const weighed = new Weighed401()
  const weigh = (chunk: Buffer) => {
    if (!weighed.add(chunk)) return
    response.off('data', weigh).off('close', decide)
    decided(weighed.body())
  }
  const decide = () => {
    if (!response.complete) decided('broken')
    else decided(weighed.isOwn() ? 'own' : weighed.body())
  }
  response.on('data', weigh).once('close', decide)
}
