import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const GROUP_VERSION = 'access.lanyard.dev/v1alpha1'

let api: AccessApiFixture

beforeAll(async () => {
  api = await startAccessApi()
})

afterAll(async () => {
  await api.close()
})

test('/apis names the group', async () => {
  expect((await api.get('/apis')).json).toEqual({
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [
      {
        name: 'access.lanyard.dev',
        versions: [{ groupVersion: GROUP_VERSION, version: 'v1alpha1' }],
        preferredVersion: { groupVersion: GROUP_VERSION, version: 'v1alpha1' },
      },
    ],
  })
})

test('/apis in the aggregated form has every resource', async () => {
  const accept = `${AGGREGATED},application/json`
  const answer = await api.get('/apis', 'alice', { headers: { 'x-remote-user': 'alice', accept } })
  expect(answer.headers['content-type']).toBe(AGGREGATED)
  expect(answer.json).toMatchObject({
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    items: [
      {
        metadata: { name: 'access.lanyard.dev' },
        versions: [
          {
            version: 'v1alpha1',
            resources: [
              { resource: 'chains', scope: 'Namespaced', verbs: ['get', 'list', 'watch'] },
              { resource: 'auditevents', singularResource: 'auditevent' },
              {
                resource: 'sessions',
                verbs: ['get', 'list', 'watch', 'create', 'delete'],
                subresources: ['recording', 'log', 'cut', 'review'].map((subresource) => ({
                  subresource,
                })),
              },
              {
                resource: 'accessrequests',
                subresources: ['content', 'approve', 'deny', 'cancel'].map((subresource) => ({
                  subresource,
                })),
              },
              { resource: 'accessgrants', verbs: ['get', 'list', 'watch', 'delete'] },
              { resource: 'notifications', verbs: ['get', 'list', 'watch'] },
              { resource: 'auditstores', scope: 'Cluster', verbs: ['get', 'list'] },
            ],
          },
        ],
      },
    ],
  })
  const etag = answer.headers.etag ?? ''
  const again = await api.get('/apis', 'alice', {
    headers: { 'x-remote-user': 'alice', accept, 'if-none-match': etag },
  })
  expect(again.status).toBe(304)
})

test('/apis/GROUP names the versions, /apis/GROUP/VERSION the resources', async () => {
  expect((await api.get('/apis/access.lanyard.dev')).json).toMatchObject({ kind: 'APIGroup' })
  expect((await api.get(`/apis/${GROUP_VERSION}`)).json).toEqual({
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: GROUP_VERSION,
    resources: [
      {
        name: 'chains',
        singularName: 'chain',
        namespaced: true,
        kind: 'Chain',
        verbs: ['get', 'list', 'watch'],
      },
      {
        name: 'auditevents',
        singularName: 'auditevent',
        namespaced: true,
        kind: 'AuditEvent',
        verbs: ['get', 'list', 'watch'],
      },
      {
        name: 'sessions',
        singularName: 'session',
        namespaced: true,
        kind: 'Session',
        verbs: ['get', 'list', 'watch', 'create', 'delete'],
      },
      ...[
        { name: 'sessions/recording', verbs: ['get'] },
        { name: 'sessions/log', verbs: ['get'] },
        { name: 'sessions/cut', verbs: ['create'] },
        { name: 'sessions/review', verbs: ['create'] },
      ].map((one) => ({ ...one, singularName: '', namespaced: true, kind: 'Session' })),
      {
        ...{ name: 'accessrequests', singularName: 'accessrequest', namespaced: true },
        ...{ kind: 'AccessRequest', verbs: ['get', 'list', 'watch'] },
      },
      ...[
        { name: 'content', kind: 'AccessRequestContent', verbs: ['get'] },
        ...['approve', 'deny', 'cancel'].map((name) => ({
          ...{ name, kind: 'AccessRequest', verbs: ['create'] },
        })),
      ].map(({ name, ...one }) => ({
        ...{ name: `accessrequests/${name}`, ...one, singularName: '', namespaced: true },
      })),
      {
        ...{ name: 'accessgrants', singularName: 'accessgrant', namespaced: true },
        ...{ kind: 'AccessGrant', verbs: ['get', 'list', 'watch', 'delete'] },
      },
      {
        ...{ name: 'notifications', singularName: 'notification', namespaced: true },
        ...{ kind: 'Notification', verbs: ['get', 'list', 'watch'] },
      },
      {
        name: 'auditstores',
        singularName: 'auditstore',
        namespaced: false,
        kind: 'AuditStore',
        verbs: ['get', 'list'],
      },
      {
        name: 'auditstores/log',
        singularName: '',
        namespaced: false,
        kind: 'AuditStore',
        verbs: ['get'],
      },
    ],
  })
})

test('/openapi/v3 leads to a document that defines what it refers to', async () => {
  const index = (await api.get('/openapi/v3')).json as {
    paths: Record<string, { serverRelativeURL: string }>
  }
  const place = index.paths[`apis/${GROUP_VERSION}`]?.serverRelativeURL ?? ''
  expect(place).toMatch(/^\/openapi\/v3\/apis\/access.lanyard.dev\/v1alpha1\?hash=[0-9A-F]{64}$/)
  const document = await api.get(place)
  const { components } = document.json as { components: { schemas: Record<string, unknown> } }
  expect(references(document.text)).toEqual(
    Object.keys(components.schemas)
      .map((name) => `#/components/schemas/${name}`)
      .sort(),
  )
})

test('/openapi/v2 defines what it refers to', async () => {
  const document = await api.get('/openapi/v2')
  const { definitions } = document.json as { definitions: Record<string, unknown> }
  expect(references(document.text)).toEqual(
    Object.keys(definitions)
      .map((name) => `#/definitions/${name}`)
      .sort(),
  )
})

test('/version and the health paths answer', async () => {
  expect((await api.get('/version')).json).toMatchObject({ major: '0', gitVersion: 'v0.1.0' })
  expect((await api.get('/healthz')).text).toBe('ok')
  expect((await api.get('/readyz')).text).toBe('ok')
})

function references(text: string): readonly string[] {
  const found = text.matchAll(/"\$ref":"([^"]+)"/g)
  return [...new Set([...found].map((match) => match[1] ?? ''))].sort()
}
