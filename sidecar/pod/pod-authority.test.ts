import 'reflect-metadata'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { createPodAuthority, issueServerCertificate } from './pod-authority.ts'

/** The command is not part of a minimal Debian; handshakes in other tests verify as well. */
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

const DAY_MS = 24 * 3_600_000
const names = {
  dnsNames: ['localhost', 'kubernetes.default.svc'],
  ipAddresses: ['127.0.0.1', '::1'],
}
const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0)
const authority = createPodAuthority(3_650 * DAY_MS, nowMs)
const leaf = issueServerCertificate(authority, names, 365 * DAY_MS, nowMs)

describe('createPodAuthority()', () => {
  const parsed = new x509.X509Certificate(authority.certificatePem)

  test('makes a certificate that another library reads the same', async () => {
    expect(parsed.subject).toBe('CN=lanyard-sidecar')
    expect(parsed.issuer).toBe('CN=lanyard-sidecar')
    expect(parsed.notBefore.toISOString()).toBe('2026-11-23T11:55:00.000Z')
    expect(parsed.notAfter.toISOString()).toBe('2036-11-20T12:00:00.000Z')
    expect(await parsed.verify({ date: new Date(nowMs) })).toBe(true)
    expect(parsed.getExtension(x509.BasicConstraintsExtension)).toMatchObject({
      ca: true,
      pathLength: 0,
      critical: true,
    })
    expect(parsed.getExtension(x509.KeyUsagesExtension)).toMatchObject({
      usages: x509.KeyUsageFlags.keyCertSign,
      critical: true,
    })
  })

  test('names its key as RFC 5280 does', async () => {
    const want = await x509.SubjectKeyIdentifierExtension.create(await parsed.publicKey.export())
    expect(parsed.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId).toBe(want.keyId)
  })

  test('makes another key and serial number each time', () => {
    const other = new x509.X509Certificate(createPodAuthority(DAY_MS).certificatePem)
    expect(other.serialNumber).not.toBe(parsed.serialNumber)
    expect(other.publicKey.toString()).not.toBe(parsed.publicKey.toString())
  })

  test('writes years from 2050 on with four digits', () => {
    const { certificatePem } = createPodAuthority(30 * 365 * DAY_MS, nowMs)
    const { notAfter } = new x509.X509Certificate(certificatePem)
    expect(notAfter.getUTCFullYear()).toBe(2056)
  })
})

describe('issueServerCertificate()', () => {
  const parsed = new x509.X509Certificate(leaf.certificatePem)

  test('makes a certificate that another library reads the same', () => {
    expect(parsed.subject).toBe('CN=localhost')
    expect(parsed.issuer).toBe('CN=lanyard-sidecar')
    expect(parsed.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: false })
    expect(parsed.getExtension(x509.KeyUsagesExtension)?.usages).toBe(
      x509.KeyUsageFlags.digitalSignature,
    )
    expect(parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([
      x509.ExtendedKeyUsage.serverAuth,
    ])
    const alternative = parsed.getExtension(x509.SubjectAlternativeNameExtension)
    expect(alternative?.names.toJSON()).toEqual([
      { type: 'dns', value: 'localhost' },
      { type: 'dns', value: 'kubernetes.default.svc' },
      { type: 'ip', value: '127.0.0.1' },
      { type: 'ip', value: expect.stringMatching(/^(?:::1|0:0:0:0:0:0:0:1|(?:0+:)+0*1)$/) },
    ])
    const authorityId = new x509.X509Certificate(authority.certificatePem).getExtension(
      x509.SubjectKeyIdentifierExtension,
    )?.keyId
    expect(parsed.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId).toBe(authorityId)
  })

  test('is signed by its authority and by no other', () => {
    const own = new X509Certificate(leaf.certificatePem)
    const issuer = new X509Certificate(authority.certificatePem)
    const other = new X509Certificate(createPodAuthority(DAY_MS).certificatePem)
    expect(own.verify(issuer.publicKey)).toBe(true)
    expect(own.checkIssued(issuer)).toBe(true)
    expect(own.verify(other.publicKey)).toBe(false)
  })

  test.skipIf(!hasOpenssl)('passes the strict verification of OpenSSL', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lanyard-x509-'))
    writeFileSync(join(folder, 'ca.crt'), authority.certificatePem)
    writeFileSync(join(folder, 'leaf.crt'), leaf.certificatePem)
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_ip', '127.0.0.1']
    const at = ['-attime', `${nowMs / 1_000}`, '-CAfile', 'ca.crt', 'leaf.crt']
    const output = execFileSync('openssl', [...args, ...at], { cwd: folder, encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect(output.trim()).toBe('leaf.crt: OK')
  })

  test('refuses an IPv6 address that it cannot write', () => {
    const wrong = { dnsNames: [], ipAddresses: ['fd00::1'] }
    expect(() => issueServerCertificate(authority, wrong, DAY_MS)).toThrow(/::1/)
  })
})
