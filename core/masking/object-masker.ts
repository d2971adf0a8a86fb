import { isUtf8 } from 'node:buffer'
import { assert } from '../assert.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { CredentialScanner } from './credentials/credential-scanner.ts'
import { maskText } from './credentials/mask-text.ts'
import { MaskCounts, type MaskWords } from './credentials/mask-words.ts'
import { JsonRewriter } from './json-rewriter.ts'
import type { Notes, ValueRewriter } from './json-values.ts'
import type { MaskProfile } from './mask-profile.ts'
import { type MaskName, type MaskRule, maskedPlaces } from './mask-rules.ts'
import { maskToken, maskWords } from './mask-token.ts'
import type { PathState } from './path-rules.ts'
import { isCredentialFile, namesCredential, withoutValues } from './secret-texts.ts'

/** More than any text of an object: etcd takes requests of 1.5 MiB. */
const STRING_BYTES_MAX = 2 * 1024 * 1024
/** Objects in annotations of objects in annotations: deeper than anybody writes. */
const EMBEDDED_MAX = 3
const TOO_LONG = Buffer.from('too long to be looked at')

export interface ObjectMaskerOptions {
  readonly masks: readonly MaskName[]
  readonly profiles?: readonly MaskProfile[]
  /** Of the request whose answer is masked. */
  readonly attributes: RequestAttributes
  /** Whether the answer tells of a failure, so that it is a Status. */
  readonly isFailure: boolean
  /** Of the chain; `MASK_KEY_BYTES` long. */
  readonly key: Uint8Array
  /** Has to be there with the mask `credentials`, and with patterns of MaskProfiles. */
  readonly scanner?: CredentialScanner | undefined
}

/** Hides values in one answer of JSON as it comes, and counts them. Throws `upstream_failed` for what is not JSON. */
export class ObjectMasker {
  readonly #rewriter: JsonRewriter<MaskRule>
  readonly #values: HiddenValues

  constructor({ masks, profiles, attributes, isFailure, key, scanner }: ObjectMaskerOptions) {
    const places = maskedPlaces(masks, attributes, isFailure, profiles)
    this.#values = new HiddenValues(places, key, scanner)
    this.#rewriter = rewriterOf(places, this.#values)
  }

  /** What goes on of a chunk, and of what was kept back before. */
  push(chunk: Uint8Array): Buffer {
    return Buffer.concat(this.#rewriter.push(chunk))
  }

  /** What is left at the end. */
  end(): Buffer {
    return Buffer.concat(this.#rewriter.end())
  }

  /** How many values were hidden so far, by mask. */
  counts(): ReadonlyMap<string, number> {
    return this.#values.counts
  }
}

function rewriterOf(
  places: PathState<MaskRule> | undefined,
  values: ValueRewriter<MaskRule>,
): JsonRewriter<MaskRule> {
  return new JsonRewriter({ places, values, stringBytesMax: STRING_BYTES_MAX })
}

class HiddenValues implements ValueRewriter<MaskRule> {
  readonly counts = new Map<string, number>()
  readonly #places: PathState<MaskRule> | undefined
  readonly #key: Uint8Array
  readonly #scanner: CredentialScanner | undefined
  #words: MaskWords | undefined
  #depth = 0

  constructor(
    places: PathState<MaskRule> | undefined,
    key: Uint8Array,
    scanner: CredentialScanner | undefined,
  ) {
    this.#places = places
    this.#key = key
    this.#scanner = scanner
  }

  rewrite(text: string, rules: readonly MaskRule[], notes: Notes): string | undefined {
    for (const rule of rules) {
      const hidden = this.#hideWhole(text, rule, notes)
      if (hidden !== undefined) return hidden
    }
    // What is hidden in part by one may still hold what another hides.
    let shown = text
    let isRead = false
    for (const rule of rules) {
      // All that is hidden in an object is hidden when it is read once.
      if (rule.form === 'object' && isRead) continue
      isRead ||= rule.form === 'object'
      shown = this.#hidePart(shown, rule) ?? shown
    }
    return shown === text ? undefined : shown
  }

  instead(rules: readonly MaskRule[]): string {
    const [rule] = rules
    if (rule !== undefined) this.#count(rule)
    const token = maskToken(TOO_LONG, this.#key)
    return rules.some(({ form }) => form.startsWith('base64')) ? inBase64(token) : token
  }

  hides(rules: readonly MaskRule[]): boolean {
    const hiding = rules.find(({ form }) => HIDE_ALL.has(form))
    if (hiding !== undefined) this.#count(hiding)
    return hiding !== undefined
  }

  #hideWhole(text: string, rule: MaskRule, notes: Notes): string | undefined {
    switch (rule.form) {
      case 'text':
        return this.#token(Buffer.from(text), rule)
      case 'base64':
        return inBase64(this.#token(decoded(text), rule))
      case 'file':
        return isCredentialFile(text) ? this.#token(Buffer.from(text), rule) : undefined
      case 'base64 file': {
        const bytes = decoded(text)
        return isCredentialFile(bytes.toString()) ? inBase64(this.#token(bytes, rule)) : undefined
      }
      case 'variable':
        notes.name = text
        return undefined
      case 'value of a variable':
        // A value that comes before its name may be any.
        return notes.name === undefined || namesCredential(notes.name)
          ? this.#token(Buffer.from(text), rule)
          : undefined
      default:
        return undefined
    }
  }

  #hidePart(text: string, rule: MaskRule): string | undefined {
    switch (rule.form) {
      case 'object':
        return this.#hideInside(text, rule)
      case 'credentials':
        return this.#hideCredentials(text, rule)
      case 'credentials in base64': {
        const bytes = decoded(text)
        const hidden = isUtf8(bytes) ? this.#hideCredentials(bytes.toString(), rule) : undefined
        return hidden === undefined ? undefined : inBase64(hidden)
      }
      case 'message': {
        const told = withoutValues(text, maskToken(Buffer.from(text), this.#key))
        if (told === text) return undefined
        this.#count(rule)
        return told
      }
      default:
        return undefined
    }
  }

  #hideCredentials(text: string, rule: MaskRule): string | undefined {
    assert(this.#scanner !== undefined, 'whoever hides credentials knows them')
    const counts = new MaskCounts()
    // Made once: a word of it is a digest, and an answer has many texts.
    this.#words ??= maskWords(this.#key)
    const hidden = maskText(text, this.#scanner, this.#words, counts)
    if (hidden === undefined) return undefined
    for (const [mask, times] of counts.byMask()) this.#count({ ...rule, mask }, times)
    return hidden
  }

  /** The same places within an object that is a text; all of a text that cannot be read. */
  #hideInside(text: string, rule: MaskRule): string | undefined {
    const whole = () => this.#token(Buffer.from(text), rule)
    if (this.#depth >= EMBEDDED_MAX) return whole()
    this.#depth += 1
    try {
      const rewriter = rewriterOf(this.#places, this)
      const bytes = Buffer.from(text)
      const hidden = Buffer.concat([...rewriter.push(bytes), ...rewriter.end()])
      return hidden.equals(bytes) ? undefined : hidden.toString()
    } catch {
      // Converted: what is not JSON cannot be masked in part.
      return whole()
    } finally {
      this.#depth -= 1
    }
  }

  #token(value: Uint8Array, rule: MaskRule): string {
    this.#count(rule)
    return maskToken(value, this.#key)
  }

  #count({ mask }: MaskRule, times = 1): void {
    this.counts.set(mask, (this.counts.get(mask) ?? 0) + times)
  }
}

const HIDE_ALL: ReadonlySet<MaskRule['form']> = new Set([
  ...(['text', 'base64', 'value of a variable'] as const),
])

/** The bytes that are hidden, so that they have one token however they are written. */
function decoded(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : Buffer.from(text)
}

function inBase64(token: string): string {
  return Buffer.from(token).toString('base64')
}
