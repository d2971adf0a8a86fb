import { RUNS_NOTHING, unreadableBody } from '../../core/commands/container-command.ts'
import { Fault } from '../../core/fault.ts'
import { hasCredentialBody, parseCredentialBody } from '../../core/kubernetes/credential-body.ts'
import {
  asUnsafeDelete,
  hasDeleteOptions,
  mayDeleteUnsafely,
} from '../../core/kubernetes/delete-options.ts'
import { writesTemplate } from '../../core/kubernetes/template-write.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ParsedRequest } from './parse-request.ts'
import { readTemplate, whyUnread } from './read-template.ts'

/** kube-apiserver takes no larger one. Source: Kubernetes apiserver/pkg/server/config.go (v1.34). */
export const BODY_BYTES_MAX = 3 * 1_024 * 1_024
/** Bytes of all bodies that are held at the same time; the memory of a sidecar is small, and its other bodies are streamed. */
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
 * request with the body; every other request as it is. `bytesMax` bounds every body. Throws `request_too_large`, `overloaded`, and
 * `request_invalid` for a body that ends early.
 */
export async function withBody<Result>(
  incoming: CallerRequest,
  request: ParsedRequest,
  bytesMax: number,
  use: (request: ParsedRequest) => Promise<Result>,
): Promise<Result> {
  const { hasBody, expectsContinue, info } = request
  const makesPods = writesTemplate(info.attributes)
  if (!hasBody) return use(makesPods ? { ...request, template: RUNS_NOTHING } : request)
  if (!makesPods && !hasCredentialBody(info.attributes) && !hasDeleteOptions(info.attributes)) {
    return use(request)
  }
  const unread = makesPods ? whyUnread(incoming.header('content-type')) : undefined
  if (unread !== undefined) return use({ ...request, template: unread })
  // Whoever waits for 100 Continue sends nothing yet; such a body stays unknown.
  if (expectsContinue) return use(withUnread(request))
  const body = new HeldBody(Math.min(bytesMax, BODY_BYTES_MAX))
  try {
    const bytes = await body.read(incoming)
    return await use(await withRead(request, incoming.header('content-type'), bytes))
  } finally {
    body.release()
  }
}

/** A body that is read whole, and counts among those that are held until it is released. */
export class HeldBody {
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #isOver = false
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Resolves with all of it. Throws `request_too_large`, `overloaded`, and `request_invalid` when it ends early. */
  read(incoming: CallerRequest): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      incoming.readBody({
        onData: (chunk) => {
          try {
            this.#add(chunk)
          } catch (error) {
            // Thrown by us: it refuses the request.
            this.release()
            reject(error)
          }
        },
        onEnd: () => resolve(Buffer.concat(this.#chunks)),
        onLost: () => reject(new Fault('request_invalid', 'The body ended early')),
      })
    })
  }

  #add(chunk: Buffer): void {
    if (this.#isOver) return
    held.hold(chunk.length)
    this.#bytes += chunk.length
    if (this.#bytes > this.#bytesMax) {
      throw new Fault('request_too_large', `This body may have at most ${this.#bytesMax} bytes`)
    }
    this.#chunks.push(chunk)
  }

  release(): void {
    if (this.#isOver) return
    this.#isOver = true
    held.release(this.#bytes)
    this.#chunks.length = 0
  }
}

async function withRead(
  request: ParsedRequest,
  contentType: string | undefined,
  bytes: Buffer,
): Promise<ParsedRequest> {
  const { attributes } = request.info
  if (writesTemplate(attributes)) {
    const template = await readTemplate(attributes, contentType, bytes)
    return { ...request, body: { bytes, says: undefined }, template }
  }
  if (!hasDeleteOptions(attributes)) {
    return {
      ...request,
      body: { bytes, says: parseCredentialBody(attributes, contentType, bytes) },
    }
  }
  const read = { ...request, body: { bytes, says: undefined } }
  return mayDeleteUnsafely(contentType, bytes) ? withUnread(read) : read
}

const WAITS = unreadableBody(
  'the caller waits for 100 Continue before it sends the body, which is judged first; send without the header Expect',
)

/** Nothing is known of what a body says: of a credential nothing is said, and a delete may be any. */
function withUnread(request: ParsedRequest): ParsedRequest {
  const { info } = request
  if (writesTemplate(info.attributes)) return { ...request, template: WAITS }
  if (!hasDeleteOptions(info.attributes)) return request
  return { ...request, info: { ...info, attributes: asUnsafeDelete(info.attributes) } }
}
