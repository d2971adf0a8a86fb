import { createHmac } from 'node:crypto'
import { Fault } from '../../core/fault.ts'

/** What the Standard Webhooks specification 1.0.0 asks of a symmetric key, in bytes. */
const KEY_BYTES_MIN = 24
const KEY_BYTES_MAX = 64
const KEY_PREFIX = 'whsec_'

/**
 * The bytes of a key as the Standard Webhooks specification writes keys: `whsec_` and base64. Throws `config_invalid`
 * without the text, since the text is a secret.
 */
export function parseWebhookKey(text: string): Buffer {
  const encoded = text.startsWith(KEY_PREFIX) ? text.slice(KEY_PREFIX.length) : ''
  const key = Buffer.from(encoded, 'base64')
  // Buffer.from skips what is no base64, so the text is compared with what its bytes are written as.
  const isBase64 = key.toString('base64') === encoded
  if (isBase64 && key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX) return key
  throw new Fault(
    'config_invalid',
    `A key is ${KEY_PREFIX} and the base64 of ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} random bytes: printf ${KEY_PREFIX}; openssl rand -base64 32`,
  )
}

/** What is signed of one message. */
export interface SignedMessage {
  /** The same for each try, so that a receiver takes a message once. */
  readonly id: string
  /** Unix seconds of this try; a receiver refuses what is older than some minutes. */
  readonly atSeconds: number
  readonly body: string
}

/**
 * The headers of the Standard Webhooks specification 1.0.0: HMAC-SHA256 over `id.timestamp.body`, once by each key, so
 * that a receiver that knows either the old or the new key takes the message.
 */
export function signWebhook(
  keys: readonly Buffer[],
  { id, atSeconds, body }: SignedMessage,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const signed = `${id}.${atSeconds}.${body}`
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': String(atSeconds),
    'webhook-signature': signatures.join(' '),
  }
}
