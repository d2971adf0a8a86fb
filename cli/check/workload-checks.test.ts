import { expect, test } from 'vitest'
import type { PodSpec } from '../../core/pods/pod.ts'
import { aContainer, aPod, aPodWith } from '../../test/support/pod-builders.ts'
import { readTemplates } from './read-templates.ts'
import { checkWorkloads } from './workload-checks.ts'

const of = (spec: Partial<PodSpec>) => ({
  templates: [{ what: 'deployment/web', runs: false, pod: aPod(spec) }],
  unread: [],
})
const projecting = (audience: string) =>
  of({
    volumes: [
      { name: 't', projected: { sources: [{ serviceAccountToken: { path: 't', audience } }] } },
    ],
  })

test.each<[string, ReturnType<typeof of>, RegExp]>([
  ['hostNetwork', of({ hostNetwork: true }), /^deployment\/web: hostNetwork .*; remove it$/],
  ['a folder of the node', of({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), /emptyDir/],
  ['a token of the API server', projecting('api'), /projects a service account token/],
  ['a token of the issuer', projecting('https://oidc.example'), /projects a service account token/],
  ['the uid', of({ securityContext: { runAsUser: 7_777 } }), /uid 7777.*choose another/],
  [
    'a port',
    of({ containers: [aContainer({ ports: [{ containerPort: 16_443 }] })] }),
    /port 16443.*choose another/,
  ],
  [
    'a privileged container',
    of({ containers: [aContainer({ securityContext: { privileged: true } })] }),
    /is privileged/,
  ],
])('checkWorkloads() names %s, and says what to do', (_name, templates, want) => {
  const before = checkWorkloads(templates, false, ['https://oidc.example'])
  expect(before).toMatchObject({
    result: 'warning',
    hints: [expect.stringMatching(want), expect.any(String)],
  })
  expect(checkWorkloads(templates, true, ['https://oidc.example']).result).toBe('error')
})

test.each([
  ['a plain pod', of({})],
  ['a token for somebody else', projecting('vault')],
])('checkWorkloads() has nothing to say of %s', (_name, templates) => {
  expect(checkWorkloads(templates, false, [])).toEqual({ result: 'ok', note: '1 workload' })
})

test('checkWorkloads() says what it could not look at, and how many more there are', () => {
  expect(checkWorkloads({ templates: [], unread: ['jobs'] }, true, [])).toEqual({
    result: 'warning',
    hints: ['cannot check jobs: ask an administrator for the verb list on them'],
  })
  const many = Array.from({ length: 22 }, () => of({ hostPID: true }).templates).flat()
  expect(checkWorkloads({ templates: many, unread: [] }, true, []).hints?.[20]).toBe('… and 2 more')
})

const { spec } = aPodWith({})
const template = { metadata: {}, spec }
const named = (name: string, kind?: string, apiVersion = 'apps/v1') => ({
  name,
  ...(kind === undefined
    ? {}
    : { ownerReferences: [{ apiVersion, kind, name: 'o', uid: 'u', controller: true }] }),
})

test('readTemplates() reads what nothing built in made, and leaves out what has ended', async () => {
  const lists: Record<string, readonly object[]> = {
    deployments: [{ metadata: named('web'), spec: { template } }],
    replicasets: [
      { metadata: named('web-1', 'Deployment'), spec: { template } },
      { metadata: named('canary', 'Rollout', 'argoproj.io/v1alpha1'), spec: { template } },
    ],
    cronjobs: [{ metadata: named('nightly'), spec: { jobTemplate: { spec: { template } } } }],
    jobs: [
      {
        metadata: named('done'),
        spec: { template },
        status: { conditions: [{ type: 'Complete', status: 'True' }] },
      },
    ],
    pods: [
      { metadata: named('bare'), spec: { ...spec, ephemeralContainers: [aContainer()] } },
      { metadata: named('web-1-x', 'ReplicaSet'), spec },
      { metadata: named('old'), spec, status: { phase: 'Failed' } },
    ],
  }
  const get = async (path: string) =>
    ({ items: lists[path.split('/').at(-1) ?? ''] ?? [] }) as never
  const { templates, unread } = await readTemplates({ get }, 'team')
  expect(templates.map(({ what }) => what)).toEqual([
    'deployment/web',
    'replicaset/canary',
    'cronjob/nightly',
    'pod/bare',
  ])
  expect(unread).toEqual([])
  expect(checkWorkloads({ templates, unread }, false, []).result).toBe('ok')
})

test('readTemplates() throws what is no lack of rights', async () => {
  await expect(
    readTemplates({ get: () => Promise.reject(new Error('x')) }, 'team'),
  ).rejects.toThrow()
})
