import { X509Certificate } from 'node:crypto'
import { type CheckOutcome, failure, ok, warning } from './check-item.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

/** Lanyard renews its certificates long before so few days are left. */
const DAYS_LEFT_MIN = 7

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * Whether a base64 CA bundle holds a certificate that stays valid for a while. The longest one
 * counts: during a rotation the old one stands beside the new.
 */
export function checkCaBundle(
  caBundle: string | undefined,
  owner: string,
  nowMs: number,
): CheckOutcome {
  const pem = Buffer.from(caBundle ?? '', 'base64').toString()
  const ends = (pem.match(CERTIFICATE) ?? []).map(parseEnd)
  if (ends.length === 0) return failure(`${owner} has no CA certificate, so nobody can call it`)
  const endMs = Math.max(...ends)
  if (Number.isNaN(endMs)) return failure(`${owner} has a CA certificate that cannot be read`)
  const days = Math.floor((endMs - nowMs) / DAY_MS)
  const until = new Date(endMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
  if (endMs <= nowMs) return failure(`${owner}: its CA certificate expired at ${until}`)
  return days < DAYS_LEFT_MIN
    ? warning(`${owner}: its CA certificate expires in ${days}d (${until})`)
    : ok(`${days}d left`)
}

function parseEnd(pem: string): number {
  try {
    return Date.parse(new X509Certificate(pem).validTo)
  } catch {
    // Converted: NaN says that it cannot be read.
    return Number.NaN
  }
}
