import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DelegatedAuthorizer } from '../../../control-plane/access-api/access-api-app.ts'
import { Fault } from '../../../core/fault.ts'
import { parseRequestHeaderConfig } from '../../../platform/request-header-config.ts'
import {
  type AccessApiFixture,
  authenticationData,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

const CHAINS = '/apis/access.lanyard.dev/v1alpha1/namespaces/team/chains'
const asked: Parameters<DelegatedAuthorizer>[] = []
let api: AccessApiFixture

beforeEach(async () => {
  asked.length = 0
  api = await startAccessApi({
    authorize: async (user, attributes) => {
      asked.push([user, attributes])
      return user.username === 'alice'
    },
  })
})

afterEach(async () => {
  await api.close()
})

describe('createAccessApiServer() authenticates', () => {
  test('the user that the front proxy names, with groups and extra', async () => {
    const answer = await api.get(CHAINS, 'alice', {
      headers: {
        'x-remote-user': 'alice',
        'x-remote-group': ['developers', 'oncall'],
        'x-remote-extra-scopes': ['read', 'write'],
        'x-remote-extra-example.com%2fproject': 'p1',
      },
    })
    expect(answer.status).toBe(200)
    expect(asked).toHaveLength(1)
    expect(asked[0]?.[0]).toEqual({
      username: 'alice',
      uid: '',
      groups: ['developers', 'oncall', 'system:authenticated'],
      extra: { scopes: ['read', 'write'], 'example.com/project': ['p1'] },
    })
    expect(asked[0]?.[1]).toMatchObject({
      verb: 'list',
      resourceRequest: true,
      apiGroup: 'access.lanyard.dev',
      apiVersion: 'v1alpha1',
      resource: 'chains',
      namespace: 'team',
      name: '',
    })
  })

  test('a user name that is not ASCII', async () => {
    const name = Buffer.from('zoë').toString('latin1')
    await api.get(CHAINS, 'alice', { headers: { 'x-remote-user': name } })
    expect(asked[0]?.[0].username).toBe('zoë')
  })

  test.each([
    ['no certificate at all', async () => ({ cert: undefined, key: undefined })],
    [
      'a certificate of another authority with the right name',
      async () =>
        client(
          await (await createTestAuthority('front-proxy-ca')).issueClient('front-proxy-client'),
        ),
    ],
    [
      'a name that is not allowed',
      async () => client(await api.frontProxyAuthority.issueClient('someone')),
    ],
    [
      'a server certificate of the right authority',
      async () => client(await api.frontProxyAuthority.issueServer()),
    ],
    ['no user name', async () => ({ headers: { 'x-remote-group': 'system:masters' } })],
    ['an empty user name', async () => ({ headers: { 'x-remote-user': '' } })],
    ['a user name that is not UTF-8', async () => ({ headers: { 'x-remote-user': 'a\u00ff' } })],
  ])('nobody with %s', async (_name, options) => {
    const answer = await api.get(CHAINS, 'alice', await options())
    expect(answer.status).toBe(401)
    expect(answer.json).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'Unauthorized',
      code: 401,
    })
    expect(asked).toEqual([])
  })

  test('every name when the cluster allows every name', async () => {
    const data = authenticationData(api.frontProxyAuthority.certificatePem)
    api.setRequestHeader(parseRequestHeaderConfig({ ...data, 'requestheader-allowed-names': '[]' }))
    const someone = client(await api.frontProxyAuthority.issueClient('someone'))
    expect((await api.get(CHAINS, 'alice', someone)).status).toBe(200)
  })

  test('nobody while the front-proxy configuration is not known', async () => {
    api.setRequestHeader(undefined)
    expect((await api.get(CHAINS)).status).toBe(401)
    expect((await api.get('/readyz')).status).toBe(503)
    expect((await api.get('/livez')).status).toBe(200)
  })

  test('by the new authority, and no longer by the old one, once it changed', async () => {
    const next = await createTestAuthority('front-proxy-ca')
    expect((await api.get(CHAINS)).status).toBe(200)
    api.setRequestHeader(parseRequestHeaderConfig(authenticationData(next.certificatePem)))
    expect((await api.get(CHAINS)).status).toBe(401)
    const renewed = client(await next.issueClient('front-proxy-client'))
    expect((await api.get(CHAINS, 'alice', renewed)).status).toBe(200)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'no resumed session that shows no certificate (%s)',
    async (version) => {
      const options = {
        port: api.port,
        host: '127.0.0.1',
        ca: api.serving.certificatePem,
        minVersion: version,
        maxVersion: version,
      }
      const first = connect(options)
      let session: Buffer | undefined
      first.on('session', (ticket: Buffer) => {
        session = ticket
      })
      expect((await ask(first)).text).toContain('401 Unauthorized')
      const second = connect({ ...options, session })
      const answer = await ask(second)
      expect(answer).toMatchObject({
        text: expect.stringContaining('401 Unauthorized'),
        reused: false,
      })
    },
  )
})

describe('createAccessApiServer() authorizes', () => {
  test('by the answer of the cluster, with its wording for a refusal', async () => {
    const answer = await api.get(CHAINS, 'bob')
    expect(answer.status).toBe(403)
    expect(answer.json).toMatchObject({
      kind: 'Status',
      reason: 'Forbidden',
      code: 403,
      message:
        'chains.access.lanyard.dev is forbidden: User "bob" cannot list resource "chains" in API group "access.lanyard.dev" in the namespace "team"',
      details: { group: 'access.lanyard.dev', kind: 'chains' },
    })
  })

  test.each(['/apis', '/openapi/v2', '/version'])('discovery too: %s', async (path) => {
    const answer = await api.get(path, 'bob')
    expect(answer.status).toBe(403)
    expect(answer.json).toMatchObject({
      message: `forbidden: User "bob" cannot get path "${path}"`,
    })
  })

  test('a selected name as the name that is asked for', async () => {
    await api.get(`${CHAINS}?fieldSelector=metadata.name%3Dagent`)
    expect(asked[0]?.[1]).toMatchObject({ verb: 'list', name: 'agent' })
  })

  test('before it looks at the object or the method', async () => {
    expect((await api.get(`${CHAINS}/absent`, 'bob')).status).toBe(403)
    expect((await api.get(CHAINS, 'bob', { method: 'POST' })).status).toBe(403)
    expect(asked.map(([, { verb }]) => verb)).toEqual(['get', 'create'])
  })

  test.each([
    [
      'fails',
      async () => {
        throw new Error('no connection')
      },
      500,
    ],
    [
      'cannot say',
      async () => {
        throw new Fault('decision_unavailable', 'kube-apiserver did not review access')
      },
      503,
    ],
    ['answers something else', async () => 'yes' as unknown as boolean, 403],
  ])('nobody when the authorizer %s', async (_name, authorize, status) => {
    const other = await startAccessApi({ authorize })
    const answer = await other.get(CHAINS)
    await other.close()
    expect(answer.status).toBe(status)
    expect(answer.text).not.toContain('no connection')
    // kubectl waits and tries again where it is told to.
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
  })
})

function client(certificate: { certificatePem: string; privateKeyPem: string }) {
  return { cert: certificate.certificatePem, key: certificate.privateKeyPem }
}

async function ask(socket: TLSSocket): Promise<{ text: string; reused: boolean }> {
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  socket.write(
    `GET ${CHAINS} HTTP/1.1\r\nhost: x\r\nx-remote-user: alice\r\nconnection: close\r\n\r\n`,
  )
  let text = ''
  for await (const chunk of socket) text += chunk
  return { text, reused }
}
