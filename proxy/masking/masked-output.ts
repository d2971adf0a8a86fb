import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { CredentialScanner } from '../../core/masking/credentials/credential-scanner.ts'
import { maskText } from '../../core/masking/credentials/mask-text.ts'
import { MaskCounts, type MaskWords } from '../../core/masking/credentials/mask-words.ts'
import { TextMasker } from '../../core/masking/credentials/text-masker.ts'
import { maskWords } from '../../core/masking/mask-token.ts'
import { ObjectMasker } from '../../core/masking/object-masker.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { FRAME_BYTES_MAX, type OutputPart, type OutputWire } from '../session/output-wire.ts'
import { Unreadable } from '../session/unreadable.ts'
import type { HoldsBack } from './held-stream.ts'

export interface MaskedOutputOptions {
  readonly wire: OutputWire
  readonly mask: MaskOrder
  /** Of the exec or attach. */
  readonly attributes: RequestAttributes
  readonly scanner: CredentialScanner
}

/**
 * The API server's side of an exec or attach, in whose output values are hidden line by line, each stream by itself. Frames
 * of output are made again; all others pass at their place, and none that ends a stream before what was kept back of it.
 */
export class MaskedOutput implements HoldsBack {
  readonly #options: MaskedOutputOptions
  readonly #words: MaskWords
  readonly #streams = new Map<number, TextMasker>()
  /** What was hidden in what is said of how the command ended. */
  readonly #errors = new Map<string, number>()

  constructor(options: MaskedOutputOptions) {
    this.#options = options
    this.#words = maskWords(options.mask.key)
  }

  get dueMs(): number | undefined {
    const due = [...this.#streams.values()].map(({ dueMs }) => dueMs)
    const known = due.filter((one) => one !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /** What the caller says, which may name the streams. Throws `request_invalid` for what cannot be read. */
  fromCaller(chunk: Buffer): void {
    reading('request_invalid', 'client', () => this.#options.wire.fromCaller(chunk))
  }

  /** What goes on of bytes that came at `nowMs`, and of those before. Throws `upstream_failed`. */
  push(chunk: Buffer, nowMs: number): Buffer {
    const { wire } = this.#options
    const parts = reading('upstream_failed', 'API server', () => wire.fromServer(chunk))
    return Buffer.concat(parts.flatMap((part) => this.#pass(part, nowMs)))
  }

  flush(nowMs: number): Buffer {
    const flushed = [...this.#streams].flatMap(([stream, masker]) =>
      this.#framed(stream, masker.flush(nowMs)),
    )
    return Buffer.concat(flushed)
  }

  end(): Buffer {
    const rest = this.#options.wire.end()
    return Buffer.concat([...this.#release(), ...rest.flatMap((part) => this.#pass(part, 0))])
  }

  /** How many values were hidden so far, by mask. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#errors)
    for (const masker of this.#streams.values()) addAll(counts, masker.counts.byMask())
    return counts
  }

  #pass(part: OutputPart, nowMs: number): readonly Buffer[] {
    if ('output' in part) {
      return this.#framed(part.stream, this.#maskerOf(part.stream).push(part.output, nowMs))
    }
    if ('frame' in part) return part.isLast ? [...this.#release(), part.frame] : [part.frame]
    if ('ending' in part) return [...this.#release(part.stream), part.ending]
    const { wire } = this.#options
    const error = this.#maskError(part.error).subarray(0, ERROR_FRAME_BYTES_MAX)
    return [...this.#release(), wire.errorFrame(part.stream, error)]
  }

  #maskerOf(stream: number): TextMasker {
    const known = this.#streams.get(stream)
    const masker = known ?? new TextMasker(this.#options.scanner, this.#words)
    this.#streams.set(stream, masker)
    return masker
  }

  /** What is kept back of one stream, or of all. */
  #release(only?: number): readonly Buffer[] {
    return [...this.#streams]
      .filter(([stream]) => only === undefined || stream === only)
      .flatMap(([stream, masker]) => this.#framed(stream, masker.end()))
  }

  #framed(stream: number, output: Buffer): readonly Buffer[] {
    const frames: Buffer[] = []
    for (let at = 0; at < output.length; at += FRAME_BYTES_MAX) {
      const piece = output.subarray(at, at + FRAME_BYTES_MAX)
      frames.push(this.#options.wire.frame(stream, piece))
    }
    return frames
  }

  /** A `Status` with its texts masked; of older protocols a text. */
  #maskError(error: Buffer): Buffer {
    const { mask, attributes, scanner } = this.#options
    const { names: masks, profiles, key } = mask
    try {
      const options = { masks, profiles, key, scanner, attributes, isFailure: true }
      const masker = new ObjectMasker(options)
      const masked = Buffer.concat([masker.push(error), masker.end()])
      addAll(this.#errors, masker.counts())
      return masked
    } catch {
      // Converted: what is no JSON is a text.
      const counts = new MaskCounts()
      const text = error.toString('latin1')
      const masked = maskText(text, scanner, this.#words, counts)
      addAll(this.#errors, counts.byMask())
      return Buffer.from(masked ?? text, 'latin1')
    }
  }
}

/** What a frame of a WebSocket takes in base64. */
const ERROR_FRAME_BYTES_MAX = 45 * 1_024

function addAll(counts: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [mask, times] of more) counts.set(mask, (counts.get(mask) ?? 0) + times)
}

function reading<Read>(
  code: 'request_invalid' | 'upstream_failed',
  who: string,
  read: () => Read,
): Read {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    throw new Fault(
      code,
      `The output of this session is masked, and the ${who} sent what cannot be read: ${error.message}`,
    )
  }
}
