import 'reflect-metadata'
import { generateKeyPairSync, type webcrypto } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { withFileLock } from './file-lock.ts'
import { writeWhole } from './write-whole.ts'

/* The test cluster's own certificates. Nothing of it is used by the product. */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 24 * 60 * 60 * 1_000

interface Subject {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
}

interface Pair {
  readonly certificate: x509.X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

/** Folder with a `ca` and a `front-proxy-ca`, made once, and certificates signed by them. */
export interface Pki {
  readonly folder: string
  /** Writes NAME.crt and NAME.key unless they are there; returns their paths. */
  issue(name: string, subject: Subject, ca?: 'ca' | 'front-proxy-ca'): Promise<CertificateFiles>
}

interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** Opens the folder, and makes what it must hold on first use. */
export async function openPki(folder: string): Promise<Pki> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const authorities = {
    ca: await openAuthority(folder, 'ca'),
    'front-proxy-ca': await openAuthority(folder, 'front-proxy-ca'),
  }
  await writeServiceAccountKeys(folder)
  async function issue(
    name: string,
    subject: Subject,
    ca: keyof typeof authorities = 'ca',
  ): Promise<CertificateFiles> {
    const files = filesOf(folder, name)
    if (isThere(files)) return files
    // Two at the same time would otherwise leave the key of one and the certificate of the other.
    await withFileLock(join(folder, '.lock'), ignore, async () => {
      if (!isThere(files)) await writePair(files, await sign(subject, authorities[ca]))
    })
    return files
  }
  return { folder, issue }
}

function ignore(): void {}

function isThere(files: CertificateFiles): boolean {
  return existsSync(files.certificate) && existsSync(files.key)
}

function filesOf(folder: string, name: string): CertificateFiles {
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}

async function openAuthority(folder: string, name: string): Promise<Pair> {
  const files = filesOf(folder, name)
  if (!existsSync(files.certificate)) {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: `CN=lanyard-test-${name}`,
      ...validity(),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    await writePair(files, { certificate, keys })
    return { certificate, keys }
  }
  const certificate = new x509.X509Certificate(await readFile(files.certificate, 'utf8'))
  const pkcs8 = x509.PemConverter.decodeFirst(await readFile(files.key, 'utf8'))
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign'])
  return { certificate, keys: { privateKey, publicKey: await certificate.publicKey.export() } }
}

async function sign(subject: Subject, authority: Pair): Promise<Pair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const names = [
    ...(subject.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(subject.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [
      ...(subject.organizations ?? []).map((organization) => ({ O: [organization] })),
      { CN: [subject.commonName] },
    ],
    issuer: authority.certificate.subject,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  })
  return { certificate, keys }
}

function serial(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(15)))
    .toString('hex')
    .padStart(32, '01')
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + 365 * DAY_MS) }
}

/** The certificate last, and each in one step: whoever finds both finds two that belong together. */
async function writePair(files: CertificateFiles, pair: Pair): Promise<void> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', pair.keys.privateKey)
  await rm(files.certificate, { force: true })
  await writeWhole(files.key, `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`, 0o600)
  await writeWhole(files.certificate, `${pair.certificate.toString('pem')}\n`, 0o644)
}

/** The key pair with which kube-apiserver signs service account tokens. */
async function writeServiceAccountKeys(folder: string): Promise<void> {
  const privatePath = join(folder, 'sa.key')
  if (existsSync(privatePath)) return
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  await writeFile(privatePath, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  await writeFile(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  await chmod(privatePath, 0o600)
}
