import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { type CertificatePair, createServerKey } from '../../platform/certificate-authority.ts'
import type { Logger } from '../../platform/logger.ts'
import type { CertificateIssuer } from '../chains/chain-client.ts'

/** How long the first certificate is waited for between two questions. */
const WAIT_MS = 500

/**
 * Asks the control plane to certify a key that is made here and goes nowhere. Throws when it does not,
 * and for a certificate that is of another key.
 */
export async function requestCertificate(issuer: CertificateIssuer): Promise<CertificatePair> {
  const { publicKey, privateKeyPem } = await createServerKey()
  const certificatePem = await issuer.issueCertificate(publicKey)
  // A pair that TLS would refuse must fail here, while the one before still serves.
  createSecureContext({ cert: certificatePem, key: privateKeyPem })
  return { certificatePem, privateKeyPem }
}

/** Resolves with the first certificate; the control plane may be starting too, so it is waited for. */
export async function waitForCertificate(
  issuer: CertificateIssuer,
  logger: Logger,
): Promise<CertificatePair> {
  for (;;) {
    try {
      return await requestCertificate(issuer)
    } catch (error) {
      // Recorded and tried again.
      logger.warn({ error }, 'The control plane has not issued a certificate yet')
    }
    await sleep(WAIT_MS)
  }
}
