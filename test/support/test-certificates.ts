import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 24 * 60 * 60 * 1_000

/** PEM of a certificate and its key. */
export interface TestCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** A certificate authority for one test. */
export interface TestAuthority {
  readonly certificatePem: string
  /** For 127.0.0.1, localhost and the names that are given. */
  issueServer(...dnsNames: readonly string[]): Promise<TestCertificate>
  issueClient(commonName: string, organization?: string): Promise<TestCertificate>
}

/** A certificate authority for one test. It signs whatever it is asked to. */
export async function createTestAuthority(name: string): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const authority = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${name}`,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  let serial = 1

  async function issue(
    subject: string,
    usage: ExtendedKeyUsage,
    alternativeNames: readonly { type: 'ip' | 'dns'; value: string }[],
  ): Promise<TestCertificate> {
    const leafKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    serial += 1
    const names = alternativeNames.map(({ type, value }) => ({ type, value }))
    const certificate: X509Certificate = await X509CertificateGenerator.create({
      serialNumber: serial.toString(16).padStart(2, '0'),
      subject,
      issuer: authority.subject,
      ...validity(),
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      publicKey: leafKeys.publicKey,
      extensions: [
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    })
    return {
      certificatePem: certificate.toString('pem'),
      privateKeyPem: await privateKeyPem(leafKeys.privateKey),
    }
  }

  return {
    certificatePem: authority.toString('pem'),
    issueServer: (...dnsNames) =>
      issue('CN=localhost', ExtendedKeyUsage.serverAuth, [
        ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    issueClient: (commonName, organization) =>
      issue(
        organization === undefined ? `CN=${commonName}` : `CN=${commonName},O=${organization}`,
        ExtendedKeyUsage.clientAuth,
        [],
      ),
  }
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await crypto.subtle.exportKey('pkcs8', key)
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
}
