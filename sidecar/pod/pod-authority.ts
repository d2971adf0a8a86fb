import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import {
  bitString,
  booleanTrue,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts'

/*
 * The pod's own certificate authority. The X.509 library that the rest of Lanyard uses costs 100 ms
 * of start and 7 MB of memory, which every pod of a cluster would pay; the keys and signatures here
 * are OpenSSL's all the same, and only the frame around them is written by hand.
 */

export interface ServerNames {
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

const SUBJECT = 'lanyard-sidecar'
/** Certificates begin this long before they are made, for clocks that run behind. */
const BACKDATED_MS = 5 * 60_000

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const SERVER_AUTH = objectIdentifier('1.3.6.1.5.5.7.3.1')
const EXTENSION = {
  subjectKeyIdentifier: objectIdentifier('2.5.29.14'),
  keyUsage: objectIdentifier('2.5.29.15'),
  subjectAlternativeName: objectIdentifier('2.5.29.17'),
  basicConstraints: objectIdentifier('2.5.29.19'),
  authorityKeyIdentifier: objectIdentifier('2.5.29.35'),
  extendedKeyUsage: objectIdentifier('2.5.29.37'),
} as const

/** Makes an authority that signs server certificates and nothing below (ECDSA P-256). */
export function createPodAuthority(
  validForMs: number,
  nowMs: number = Date.now(),
): CertificatePair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificatePem = issue({
    subject: SUBJECT,
    publicKey,
    authorityKey: privateKey,
    nowMs,
    validForMs,
    extensions: [
      extension(
        EXTENSION.basicConstraints,
        sequence(booleanTrue(), integer(Buffer.from([0]))),
        'critical',
      ),
      // keyCertSign, the sixth bit of nine.
      extension(EXTENSION.keyUsage, bitString(Buffer.from([0x04]), 2), 'critical'),
      extension(EXTENSION.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
    ],
  })
  return { certificatePem, privateKeyPem: toPem(privateKey) }
}

/** Issues a certificate for a server. Throws when the authority's key cannot be read. */
export function issueServerCertificate(
  authority: CertificatePair,
  names: ServerNames,
  validForMs: number,
  nowMs: number = Date.now(),
): CertificatePair {
  const authorityKey = createPrivateKey(authority.privateKeyPem)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const authorityId = keyIdentifier(createPublicKey(authorityKey))
  const certificatePem = issue({
    subject: names.dnsNames[0] ?? names.ipAddresses[0] ?? SUBJECT,
    publicKey,
    authorityKey,
    nowMs,
    validForMs,
    extensions: [
      extension(EXTENSION.basicConstraints, sequence(), 'critical'),
      // digitalSignature, the first bit.
      extension(EXTENSION.keyUsage, bitString(Buffer.from([0x80]), 7), 'critical'),
      extension(EXTENSION.extendedKeyUsage, sequence(SERVER_AUTH)),
      extension(EXTENSION.subjectAlternativeName, alternativeNames(names)),
      extension(EXTENSION.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
      extension(EXTENSION.authorityKeyIdentifier, sequence(tagged(0x80, authorityId))),
    ],
  })
  return { certificatePem, privateKeyPem: toPem(privateKey) }
}

interface Unsigned {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly authorityKey: KeyObject
  readonly nowMs: number
  readonly validForMs: number
  readonly extensions: readonly Buffer[]
}

/** RFC 5280 section 4.1, version 3; the issuer is always the pod's authority. */
function issue(unsigned: Unsigned): string {
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    commonName(SUBJECT),
    sequence(
      time(new Date(unsigned.nowMs - BACKDATED_MS)),
      time(new Date(unsigned.nowMs + unsigned.validForMs)),
    ),
    commonName(unsigned.subject),
    unsigned.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...unsigned.extensions)),
  )
  const signature = sign('sha256', toBeSigned, unsigned.authorityKey)
  const der = sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function commonName(text: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(text))))
}

function extension(id: Buffer, value: Buffer, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [booleanTrue()]
  return sequence(id, ...flag, octetString(value))
}

function alternativeNames({ dnsNames, ipAddresses }: ServerNames): Buffer {
  return sequence(
    ...dnsNames.map((name) => tagged(0x82, Buffer.from(name, 'latin1'))),
    ...ipAddresses.map((address) => tagged(0x87, addressBytes(address))),
  )
}

/** Of IPv6 addresses only loopback is needed, which is fifteen zeros and a one. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (address !== '::1') throw new RangeError('The only IPv6 address of a sidecar is ::1')
  return Buffer.concat([Buffer.alloc(15), Buffer.from([1])])
}

/** SHA-1 of the key's bits, as RFC 5280 section 4.2.1.2 has it; an identifier, not a protection. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  // A P-256 key is 65 bytes, uncompressed, at the end.
  return createHash('sha1').update(spki.subarray(-65)).digest()
}

/** 127 random bits: positive, and never the same twice. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function toPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
