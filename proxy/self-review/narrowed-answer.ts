import { Fault } from '../../core/fault.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { withoutHeaders } from '../wire/header-pairs.ts'
import { createAskChain } from './ask-chain.ts'
import { jsonAnswerType } from './json-answer-type.ts'
import { asObject } from './json-object.ts'
import { selfReviewOf } from './self-review.ts'

/** How the body of an answer is narrowed, and the content type under which the caller takes it. */
export interface NarrowAnswer {
  readonly contentType: string
  readonly narrow: (body: Buffer) => Promise<Buffer>
}

/**
 * For a request that asks what oneself may do; undefined for every other. The content type is empty when
 * the caller takes no JSON, so that there is nothing to answer with.
 */
export function narrowAnswerOf(
  deps: ProxyDeps,
  permit: Permit,
  request: Pick<CallerRequest, 'headerList'>,
): NarrowAnswer | undefined {
  const narrow = selfReviewOf(permit.request.info)
  if (narrow === undefined) return undefined
  const ask = createAskChain(deps, permit)
  return {
    contentType: jsonAnswerType(request.headerList('accept')) ?? '',
    narrow: async (body) =>
      Buffer.from(JSON.stringify(await narrow(asObject(JSON.parse(body.toString())), ask))),
  }
}

/** Headers of the caller that would make the API server answer in a form that cannot be narrowed. */
const FORMS = ['accept', 'accept-encoding']

/** Names and values in turn, so that the API server answers in JSON, not compressed. */
export function askForJson(headers: readonly string[]): string[] {
  const kept = withoutHeaders(headers, ...FORMS)
  return [...kept, 'accept', 'application/json', 'accept-encoding', 'identity']
}

/** Longest answer that is read; a whole list of rules takes some kilobytes. */
const BYTES_MAX = 1024 * 1024

/** Headers that say how the body came. */
const OF_THE_BODY = ['content-type', 'content-length', 'transfer-encoding']

/** An answer that is kept until it is narrowed. */
export class NarrowedAnswer {
  readonly httpStatus: number
  readonly #headers: readonly string[]
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** `headers`: names and values in turn. */
  constructor(httpStatus: number, headers: readonly string[]) {
    this.httpStatus = httpStatus
    this.#headers = headers
  }

  /** False when it is too long. */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes <= BYTES_MAX
  }

  /** What the caller gets. Throws `upstream_failed` for an answer that cannot be read. */
  async finish({ contentType, narrow }: NarrowAnswer) {
    const body = await narrow(Buffer.concat(this.#chunks)).catch((cause: unknown) => {
      throw new Fault('upstream_failed', 'Cannot read the review of the API server', { cause })
    })
    const others = withoutHeaders(this.#headers, ...OF_THE_BODY)
    const own = ['content-type', contentType, 'content-length', `${body.length}`]
    return { body, headers: [...others, ...own] }
  }
}
