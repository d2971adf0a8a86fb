import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorizationV1Api } from '@kubernetes/client-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestAuthority } from '../../test/support/test-certificates.ts'
import { KeptConnections } from './kept-connections.ts'

const REVIEW = { body: { spec: { user: 'alice' } } }

let folder: string
let server: Http2SecureServer
let connections: Socket[]
let httpVersions: Set<string>
let config: KeptConnections
let caFile: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-kept-'))
  caFile = join(folder, 'ca.crt')
  const authority = await createTestAuthority('api')
  await writeFile(caFile, authority.certificatePem)
  const { certificatePem, privateKeyPem } = await authority.issueServer('localhost')
  connections = []
  httpVersions = new Set()
  const pair = { cert: certificatePem, key: privateKeyPem }
  server = createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
    httpVersions.add(request.httpVersion)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ spec: {}, status: { allowed: true } }))
  })
  server.on('secureConnection', (socket: Socket) => connections.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  config = new KeptConnections()
  config.loadFromOptions({
    clusters: [
      { name: 'c', server: `https://localhost:${(server.address() as AddressInfo).port}`, caFile },
    ],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
})
afterEach(async () => {
  for (const socket of connections) socket.destroy()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

test('KeptConnections asks one thing after the other on the same connections', async () => {
  const api = config.makeApiClient(AuthorizationV1Api)
  for (let count = 0; count < 20; count += 1) {
    expect((await api.createSubjectAccessReview(REVIEW)).status?.allowed).toBe(true)
  }
  // The first may still be busy with the end of its answer.
  expect(connections.length).toBeLessThan(4)
  expect([...httpVersions]).toEqual(['1.1'])
})

test('KeptConnections opens another connection where a question waits for its answer', async () => {
  const api = config.makeApiClient(AuthorizationV1Api)
  await Promise.all(Array.from({ length: 4 }, () => api.createSubjectAccessReview(REVIEW)))
  expect(connections).toHaveLength(4)
})

test('KeptConnections trusts whom the file of authorities names now', async () => {
  const api = config.makeApiClient(AuthorizationV1Api)
  await api.createSubjectAccessReview(REVIEW)
  await writeFile(caFile, (await createTestAuthority('other')).certificatePem)
  await expect(api.createSubjectAccessReview(REVIEW)).rejects.toThrow()
})
