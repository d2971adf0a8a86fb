import { X509Certificate } from 'node:crypto'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

let last: { readonly pem: string; readonly fingerprints: ReadonlySet<string> } | undefined

/**
 * SHA-256 fingerprints (as `fingerprint256` of a peer certificate) of a PEM bundle. The last bundle
 * is remembered, since every request asks for the same one. A bundle that cannot be read has none.
 */
export function certificateFingerprints(pem: string): ReadonlySet<string> {
  if (last?.pem !== pem) last = { pem, fingerprints: parseFingerprints(pem) }
  return last.fingerprints
}

function parseFingerprints(pem: string): ReadonlySet<string> {
  try {
    return new Set(
      (pem.match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text).fingerprint256),
    )
  } catch {
    // Converted: what cannot be read vouches for nobody.
    return new Set()
  }
}
