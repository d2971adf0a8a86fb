import { crc32 } from 'node:zlib'
import { isPlaceholder, looksRandom } from './credential-value.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Whether the last six characters of a token are the CRC-32 of those between its prefix and them, in base 62. Source:
 * github.blog, "Behind GitHub's new authentication token formats" (2021); npm's tokens have the same form.
 */
export function hasRightChecksum(token: string): boolean {
  const body = token.slice(token.indexOf('_') + 1)
  let value = crc32(body.slice(0, -6))
  let written = ''
  while (value > 0) {
    written = (BASE62[value % 62] ?? '') + written
    value = Math.floor(value / 62)
  }
  return body.length > 6 && written.padStart(6, '0') === body.slice(-6)
}

/** What else must be true of what a pattern matched, by the name that a rule gives. */
export const CREDENTIAL_CHECKS: Readonly<Record<string, (secret: string) => boolean>> = {
  jwt: isJwt,
  basic: isBasic,
  bearer: (secret) => !isPlaceholder(secret) && looksRandom(secret),
  // Digits alone are a port or a number.
  value: (secret) => !isPlaceholder(secret) && !/^\d{1,5}$/.test(secret),
  configured: (secret) => !isPlaceholder(secret) && /[\d\W_]/.test(secret),
  // A port and a path: `http://host:8080/@scope`.
  url: (secret) => !isPlaceholder(secret) && !/^\d{1,5}\//.test(secret),
}

/** Whether the first part of a token is the header of a JWS or JWE: a JSON object with an algorithm. */
function isJwt(token: string): boolean {
  const [head = '', ...rest] = token.split('.')
  const text = Buffer.from(head, 'base64url').toString('latin1')
  if (rest.join('').length < 8 || !text.startsWith('{')) return false
  return /"(?:alg|typ|enc|kid|zip|jku|x5t|cty)"/.test(text)
}

/** Whether base64 holds a user and a password. */
function isBasic(secret: string): boolean {
  const text = Buffer.from(secret, 'base64').toString('latin1')
  return /^[\x20-\x39\x3b-\x7e\x80-\xff]{0,256}:[\x20-\x7e\x80-\xff]{1,4096}$/.test(text)
}
