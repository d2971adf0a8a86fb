import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { MaskWords } from './credentials/mask-words.ts'

/** What every mask token begins with: whoever sees one knows that a value is hidden. */
export const MASK_PREFIX = 'lanyard-masked-'

/** With the prefix 39 characters, so that base64 of a token needs no padding. */
const DIGEST_CHARACTERS = 24

/** Of the key with which the tokens of one chain are made, in bytes. */
export const MASK_KEY_BYTES = 32

/** Made once for each key: to make one costs ten times as much as to use it. */
const KEYS = new WeakMap<Uint8Array, KeyObject>()

function keyObjectOf(key: Uint8Array): KeyObject {
  const known = KEYS.get(key) ?? createSecretKey(key)
  KEYS.set(key, known)
  return known
}

/**
 * Text that stands for a value: the same for the same bytes under one key, always 39 characters, and it tells nothing
 * of the value to who has not the key.
 */
export function maskToken(value: Uint8Array, key: Uint8Array): string {
  const digest = createHmac('sha256', keyObjectOf(key)).update(value).digest('hex')
  return `${MASK_PREFIX}${digest.slice(0, DIGEST_CHARACTERS)}`
}

/** How credentials within texts are hidden under a key. */
export function maskWords(key: Uint8Array): MaskWords {
  return {
    tokenOf: (value) => maskToken(value, key),
    unknown: maskToken(Buffer.from('not seen as a whole'), key),
  }
}

/** What stays of a text in base64, wherever it stands in what is encoded. */
function inBase64(text: string): readonly string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)])
    const first = Math.ceil((before * 8) / 6)
    const whole = Math.floor((bytes.length * 8) / 6)
    return bytes.toString('base64').slice(first, whole)
  })
}

const ONCE = inBase64(MASK_PREFIX)
const HEX = Buffer.from(MASK_PREFIX).toString('hex')
/** In base64 twice, as a Secret's value that is base64 by itself. */
const SIGNS: readonly string[] = [MASK_PREFIX, HEX, ...ONCE, ...ONCE.flatMap(inBase64)]

/** JSON within a text, and URLs, may write any letter as a number. */
const ESCAPED = /\\u00([0-9a-f]{2})|%([0-9a-f]{2})/gi

/** Whether a text holds the beginning of a mask token: as it is, in hex, escaped, or in base64 once or twice. */
export function holdsMaskToken(text: string): boolean {
  if (holdsSign(text)) return true
  if (/[\\%]/.test(text)) {
    const plain = text.replace(ESCAPED, (_all, unicode?: string, percent?: string) =>
      String.fromCharCode(Number.parseInt(unicode ?? percent ?? '0', 16)),
    )
    if (holdsSign(plain)) return true
  }
  // Base64 and YAML may be folded.
  return /\s/.test(text) && holdsSign(text.replaceAll(/\s+/g, ''))
}

function holdsSign(text: string): boolean {
  return SIGNS.some((sign) => text.includes(sign)) || text.includes(HEX.toUpperCase())
}

/**
 * The first place of an object, as `data.password` or `spec.containers[0].env[1].value`, whose key or text holds a mask
 * token; undefined when none does.
 */
export function findMaskToken(object: unknown): string | undefined {
  const left: { readonly value: unknown; readonly at: string }[] = [{ value: object, at: '' }]
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    const { value, at } = one
    if (typeof value === 'string' && holdsMaskToken(value)) return at || 'the body'
    if (typeof value !== 'object' || value === null) continue
    const entries = Object.entries(value)
    for (const [key, inside] of entries.reverse()) {
      const place = Array.isArray(value) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`
      if (holdsMaskToken(key)) return place
      left.push({ value: inside, at: place })
    }
  }
  return undefined
}
