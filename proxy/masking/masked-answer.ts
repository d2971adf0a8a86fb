import { type Duplex, Transform } from 'node:stream'
import { assert } from '../../core/assert.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { failureStatus } from '../../core/kubernetes/status.ts'
import { TextMasker } from '../../core/masking/credentials/text-masker.ts'
import { maskWords } from '../../core/masking/mask-token.ts'
import { ObjectMasker } from '../../core/masking/object-masker.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { headerValue } from '../wire/header-pairs.ts'
import { heldStream } from './held-stream.ts'
import { isPlainJson, maskedAnswerHeaders } from './mask-headers.ts'

export interface MaskedAnswerOptions {
  readonly mask: MaskOrder
  readonly attributes: RequestAttributes
  /** The caller takes YAML only. */
  readonly isYaml: boolean
  /** The request was sent before it was known that the answer has to be masked. */
  readonly sentAhead: boolean
}

/** The head of a masked answer, and what its body goes through: a stream, or where nothing waits, `masker` itself. */
export interface OpenedMask {
  readonly headers: readonly string[]
  readonly body: () => Duplex
  readonly masker?: Pick<ObjectMasker, 'push' | 'end'>
}

/** One answer in which values are hidden. */
export class MaskedAnswer {
  readonly #options: MaskedAnswerOptions
  #masker: ObjectMasker | undefined
  #text: TextMasker | undefined

  constructor(options: MaskedAnswerOptions) {
    this.#options = options
  }

  /**
   * The answer begins. Throws `not_acceptable` for a form that cannot be masked; a failure in such a form, as words, is
   * told by a Status in its place.
   */
  open(httpStatus: number, headers: readonly string[]): OpenedMask {
    const { mask, attributes, isYaml } = this.#options
    const isFailure = httpStatus >= 400
    if (!isFailure && attributes.apiGroup === '' && attributes.subresource === 'log') {
      return this.#openText(headers)
    }
    if (isPlainJson(headers)) {
      const said = headerValue(headers, 'content-type') ?? ''
      const masker = new ObjectMasker({ ...mask, masks: mask.names, attributes, isFailure })
      this.#masker = masker
      const type = isYaml ? said.replace('json', 'yaml') : said
      const body = () => throughMasker(masker)
      return { headers: maskedAnswerHeaders(headers, type), body, masker }
    }
    if (isFailure) {
      const told = Buffer.from(JSON.stringify(untold(httpStatus)))
      const body = () => insteadOf(told)
      return { headers: maskedAnswerHeaders(headers, 'application/json'), body }
    }
    // No content: 204, and what has no type has no bytes.
    if (headerValue(headers, 'content-type') === undefined) {
      return { headers: maskedAnswerHeaders(headers, ''), body: withoutBytes }
    }
    if (this.#options.sentAhead) throw new Fault('decision_unavailable', CHANGED)
    const type = JSON.stringify((headerValue(headers, 'content-type') ?? '').slice(0, 128))
    throw new Fault(
      'not_acceptable',
      `What this request answers with must be masked, and ${type} cannot be; ask for application/json, or have the policy changed`,
    )
  }

  /** What a program has written, line by line. */
  #openText(headers: readonly string[]): OpenedMask {
    const { key, scanner } = this.#options.mask
    assert(scanner !== undefined, 'text is masked by the mask credentials and by patterns alone')
    const coding = headerValue(headers, 'content-encoding')?.trim().toLowerCase() ?? 'identity'
    if (coding !== 'identity') throw new Fault('not_acceptable', COMPRESSED)
    const text = new TextMasker(scanner, maskWords(key))
    this.#text = text
    const type = headerValue(headers, 'content-type') ?? ''
    return { headers: maskedAnswerHeaders(headers, type), body: () => heldStream(text) }
  }

  /** How many values were hidden so far, by mask. */
  counts(): ReadonlyMap<string, number> {
    return this.#text?.counts.byMask() ?? this.#masker?.counts() ?? new Map()
  }
}

const COMPRESSED = 'What a program has written must be masked, and came compressed all the same'
const CHANGED = 'What this request answers with has to be masked since a moment ago; try again'

/** A failure whose words may hold anything. */
function untold(httpStatus: number) {
  const message = `The API server answered ${httpStatus} in a form that cannot be masked, so its words are not shown`
  return failureStatus(httpStatus, 'Unknown', message)
}

function throughMasker(masker: ObjectMasker): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      attempt(() => masker.push(chunk), done)
    },
    flush(done) {
      attempt(() => masker.end(), done)
    },
  })
}

function attempt(work: () => Buffer, done: (error: Error | null, bytes?: Buffer) => void): void {
  let bytes: Buffer
  try {
    bytes = work()
  } catch (error) {
    // Converted: the stream tells it, and the answer ends.
    done(Fault.from(error))
    return
  }
  done(null, bytes)
}

function insteadOf(told: Buffer): Transform {
  return new Transform({
    transform: (_chunk, _encoding, done) => done(),
    flush: (done) => done(null, told),
  })
}

function withoutBytes(): Transform {
  return new Transform({
    transform: (_chunk: Buffer, _encoding, done) =>
      done(new Fault('upstream_failed', 'The API server does not say what form its answer has')),
  })
}
