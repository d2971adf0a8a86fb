// x509's dependency injection reads decorators' metadata; this must be loaded before it.
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Certificates begin this long before they are made, for clocks that run behind. */
const BACKDATED_MS = 5 * 60 * 1_000

/** A certificate and its private key (PKCS #8), as PEM. */
export interface CertificatePair {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

export interface ServerCertificate extends CertificatePair {
  /** End of validity, milliseconds since the epoch. */
  readonly notAfterMs: number
}

export interface ServerCertificateRequest {
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** Length of validity in milliseconds; never past the end of the authority's own. */
  readonly validForMs: number
}

/** A certificate authority of Lanyard's own: one for the installation, one in each sidecar. */
export interface CertificateAuthority extends CertificatePair {
  readonly notAfterMs: number
  issueServerCertificate(request: ServerCertificateRequest): Promise<ServerCertificate>
  /**
   * The certificate, as PEM, for a key that somebody else made and keeps. `publicKey` is
   * SubjectPublicKeyInfo in DER. Throws for one that is not ECDSA P-256.
   */
  certifyServerKey(publicKey: Uint8Array, request: ServerCertificateRequest): Promise<string>
}

/** A key pair of a server whose certificate another process issues. */
export interface ServerKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array
  readonly privateKeyPem: string
}

/** Makes a key pair (ECDSA P-256) to be certified by `certifyServerKey`. */
export async function createServerKey(): Promise<ServerKey> {
  const keys = await generateKeys()
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey)),
    privateKeyPem: await exportPrivateKey(keys.privateKey),
  }
}

/** Makes a new authority (ECDSA P-256, path length 0). */
export async function createCertificateAuthority(options: {
  readonly commonName: string
  readonly validForMs: number
}): Promise<CertificateAuthority> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }],
    notBefore: new Date(Date.now() - BACKDATED_MS),
    notAfter: new Date(Date.now() + options.validForMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return toAuthority(certificate, keys.privateKey, await exportPrivateKey(keys.privateKey))
}

/** Reads an authority back. Throws for PEM that is none, or a key that does not match. */
export async function loadCertificateAuthority(
  pair: CertificatePair,
): Promise<CertificateAuthority> {
  const certificate = new x509.X509Certificate(pair.certificatePem)
  const pkcs8 = x509.PemConverter.decodeFirst(pair.privateKeyPem)
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign'])
  await checkKeyMatches(certificate, privateKey)
  return toAuthority(certificate, privateKey, pair.privateKeyPem)
}

function toAuthority(
  authority: x509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
  privateKeyPem: string,
): CertificateAuthority {
  const endOf = ({ validForMs }: ServerCertificateRequest): number =>
    Math.min(Date.now() + validForMs, authority.notAfter.getTime())

  async function certify(
    publicKey: webcrypto.CryptoKey,
    request: ServerCertificateRequest,
    notAfterMs: number,
  ): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [request.dnsNames[0] ?? request.ipAddresses[0] ?? 'lanyard'] }],
      issuer: authority.subjectName,
      notBefore: new Date(Date.now() - BACKDATED_MS),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: privateKey,
      extensions: await serverExtensions(authority, publicKey, request),
    })
    return `${certificate.toString('pem')}\n`
  }

  async function issueServerCertificate(
    request: ServerCertificateRequest,
  ): Promise<ServerCertificate> {
    const keys = await generateKeys()
    const notAfterMs = endOf(request)
    return {
      certificatePem: await certify(keys.publicKey, request, notAfterMs),
      privateKeyPem: await exportPrivateKey(keys.privateKey),
      notAfterMs,
    }
  }

  async function certifyServerKey(
    publicKey: Uint8Array,
    request: ServerCertificateRequest,
  ): Promise<string> {
    const der = new Uint8Array(publicKey)
    const key = await crypto.subtle.importKey('spki', der, ALGORITHM, true, ['verify'])
    return certify(key, request, endOf(request))
  }
  return {
    certificatePem: `${authority.toString('pem')}\n`,
    privateKeyPem,
    notAfterMs: authority.notAfter.getTime(),
    issueServerCertificate,
    certifyServerKey,
  }
}

async function serverExtensions(
  authority: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
  request: ServerCertificateRequest,
): Promise<x509.Extension[]> {
  const names = [
    ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...request.ipAddresses
      .filter((value) => isIP(value) !== 0)
      .map((value) => ({ type: 'ip' as const, value })),
  ]
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(names),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
  ]
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

/** A certificate beside another one's key would serve handshakes that every client refuses. */
async function checkKeyMatches(
  certificate: x509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
): Promise<void> {
  const probe = new TextEncoder().encode('lanyard')
  const signature = await crypto.subtle.sign(ALGORITHM, privateKey, probe)
  const publicKey = await certificate.publicKey.export()
  if (await crypto.subtle.verify(ALGORITHM, publicKey, signature, probe)) return
  throw new Error('the private key does not belong to the certificate')
}

async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', key)
  return `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`
}

/** 128 random bits, positive and without a leading zero byte. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}
