import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createCertificateAuthority, loadCertificateAuthority } from './certificate-authority.ts'

const HOUR_MS = 60 * 60 * 1_000
const names = {
  dnsNames: ['localhost', 'kubernetes.default.svc'],
  ipAddresses: ['127.0.0.1', '::1'],
}

describe('createCertificateAuthority()', () => {
  test('issues a certificate that a TLS client accepts by name and by address', async () => {
    const authority = await createCertificateAuthority({ commonName: 'test', validForMs: HOUR_MS })
    const issued = await authority.issueServerCertificate({ ...names, validForMs: HOUR_MS })
    const server = createServer({ cert: issued.certificatePem, key: issued.privateKeyPem })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const host of [{ host: '127.0.0.1' }, { host: '127.0.0.1', servername: 'localhost' }]) {
      const client = connect({ ...host, port, ca: authority.certificatePem })
      await once(client, 'secureConnect')
      expect(client.authorized).toBe(true)
      client.destroy()
    }
    server.close()
  })

  test('writes the extensions that strict verifiers want', async () => {
    const authority = await createCertificateAuthority({ commonName: 'test', validForMs: HOUR_MS })
    const issued = await authority.issueServerCertificate({ ...names, validForMs: HOUR_MS })
    const ca = new X509Certificate(authority.certificatePem)
    const leaf = new X509Certificate(issued.certificatePem)
    expect(ca.ca).toBe(true)
    expect(leaf.ca).toBe(false)
    expect(leaf.verify(ca.publicKey)).toBe(true)
    expect(leaf.subjectAltName).toBe(
      'DNS:localhost, DNS:kubernetes.default.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    )
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(leaf.validFromDate.getTime()).toBeLessThan(Date.now())
  })

  test('never lets a certificate outlive the authority', async () => {
    const authority = await createCertificateAuthority({ commonName: 'test', validForMs: HOUR_MS })
    const issued = await authority.issueServerCertificate({ ...names, validForMs: 9 * HOUR_MS })
    expect(issued.notAfterMs).toBe(authority.notAfterMs)
  })
})

describe('loadCertificateAuthority()', () => {
  test('reads what createCertificateAuthority() made', async () => {
    const made = await createCertificateAuthority({ commonName: 'test', validForMs: HOUR_MS })
    const loaded = await loadCertificateAuthority(made)
    const issued = await loaded.issueServerCertificate({ ...names, validForMs: HOUR_MS })
    const ca = new X509Certificate(made.certificatePem)
    expect(new X509Certificate(issued.certificatePem).verify(ca.publicKey)).toBe(true)
  })

  test('refuses the key of another authority', async () => {
    const one = await createCertificateAuthority({ commonName: 'one', validForMs: HOUR_MS })
    const two = await createCertificateAuthority({ commonName: 'two', validForMs: HOUR_MS })
    const mixed = { certificatePem: one.certificatePem, privateKeyPem: two.privateKeyPem }
    await expect(loadCertificateAuthority(mixed)).rejects.toThrow(/does not belong/)
  })

  test('refuses text that is no PEM', async () => {
    await expect(
      loadCertificateAuthority({ certificatePem: 'x', privateKeyPem: 'y' }),
    ).rejects.toThrow()
  })
})
