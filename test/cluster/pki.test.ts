import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPki, type Pki } from './pki.ts'

let folder: string
let pki: Pki

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-pki-'))
  pki = await openPki(folder)
})

afterAll(() => rmSync(folder, { recursive: true }))

const read = (name: string) => new X509Certificate(readFileSync(join(folder, `${name}.crt`)))

test('issue() writes a certificate that its authority signed, with its key', async () => {
  const files = await pki.issue('server', {
    commonName: 'server',
    dnsNames: ['kubernetes.default.svc'],
    ipAddresses: ['10.96.0.1'],
  })
  const certificate = new X509Certificate(readFileSync(files.certificate))
  expect(certificate.verify(read('ca').publicKey)).toBe(true)
  expect(certificate.checkIssued(read('ca'))).toBe(true)
  expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(files.key)))).toBe(true)
  expect(certificate.checkHost('kubernetes.default.svc')).toBe('kubernetes.default.svc')
  expect(certificate.checkIP('10.96.0.1')).toBe('10.96.0.1')
  expect(certificate.ca).toBe(false)
  expect(statSync(files.key).mode & 0o777).toBe(0o600)
})

test('issue() puts user and groups where Kubernetes looks for them, whatever they contain', async () => {
  const user = 'system:serviceaccount:a,b=c'
  const files = await pki.issue('user', { commonName: user, organizations: ['one', 'O=two+x'] })
  const { subject } = new X509Certificate(readFileSync(files.certificate)).toLegacyObject()
  expect(subject).toMatchObject({ CN: user, O: ['one', 'O=two+x'] })
})

test('issue() signs the front proxy by an authority of its own', async () => {
  await pki.issue('proxy', { commonName: 'front-proxy-client' }, 'front-proxy-ca')
  expect(read('proxy').verify(read('front-proxy-ca').publicKey)).toBe(true)
  expect(read('proxy').verify(read('ca').publicKey)).toBe(false)
})

test('issue() gives every certificate a serial number of its own', async () => {
  const names = ['a', 'b', 'c']
  for (const name of names) await pki.issue(name, { commonName: name })
  expect(new Set(names.map((name) => read(name).serialNumber)).size).toBe(3)
})

test('issue() gives two at the same time the same certificate, with its key', async () => {
  const other = await openPki(folder)
  const issue = (from: Pki) => from.issue('alice', { commonName: 'alice' })
  const all = await Promise.all([pki, other, pki, other].map(issue))
  const [files] = all
  const certificate = read('alice')
  expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(files?.key ?? '')))).toBe(true)
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith('alice'))
      .sort(),
  ).toEqual(['alice.crt', 'alice.key'])
})

test('openPki() keeps what is there, so that certificates of before still hold', async () => {
  const again = await openPki(folder)
  const files = await again.issue('later', { commonName: 'later' })
  const certificate = new X509Certificate(readFileSync(files.certificate))
  expect(certificate.verify(read('ca').publicKey)).toBe(true)
  const before = read('server').serialNumber
  await again.issue('server', { commonName: 'server' })
  expect(read('server').serialNumber).toBe(before)
})
