import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SessionObject } from '../../../api/objects/session-object.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { Fault } from '../../../core/fault.ts'
import {
  type AccessApiFixture,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { aDecisionId } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

/* Sessions that were recorded elsewhere come through the real kube-apiserver, and never look like our own. */

/** As Tailscale's recorder writes them (tailscale, sessionrecording/header.go, v1.90). */
const TAILSCALE = [
  JSON.stringify({
    ...{ version: 2, width: 0, height: 0, timestamp: 1_700_000_000, command: 'sh' },
    ...{ srcNode: 'laptop.tail-scale.ts.net', srcNodeID: 'n1', srcNodeUser: 'carol@example.com' },
    ...{ env: null, sshUser: '', localUser: '', connectionID: '' },
    kubernetes: { PodName: 'web-0', Namespace: 'shop', Container: 'app', SessionType: 'exec' },
  }),
  '[0.1,"o","$ ls\\r\\n"]',
  '[0.2,"o","secret.txt \\u001b]52;c;x\\u0007\\r\\n"]',
  '',
].join('\n')
/** As a forger writes it. */
const FORGED = [
  JSON.stringify({
    ...{ version: 3, term: { cols: 80, rows: 24 } },
    lanyard: {
      ...{ id: aDecisionId(1), rootRequester: 'alice', pod: 'agent', podUid: 'uid', target: 'web' },
      ...{ subresource: 'exec', namespace: 'team', level: 'all', command: ['sh'] },
    },
  }),
  '[0.1,"e",""]',
  '[0,"o","oops"]',
  '[0.5,"i","typed"]',
  '[0.5,"q","of another program"]',
  '[0.5,"x","3"]',
].join('\n')

let api: AccessApiFixture
let cluster: AggregatingCluster
let store: Store
let folder: string
let databaseFile: string
let close: () => Promise<void>
const room = { checkImport: async () => undefined, checkGoOn: () => undefined }

beforeAll(async () => {
  const stores = await sqliteStores()
  const authorize = async ({ username }: { readonly username: string }) => username === 'alice'
  api = await startAccessApi(
    {
      authorize,
      room: { checkImport: () => room.checkImport(), checkGoOn: () => room.checkGoOn() },
    },
    stores,
  )
  store = stores.store as Store
  databaseFile = stores.databaseFile ?? ''
  cluster = await startAggregatingCluster(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-import-'))
  for (const user of ['alice', 'bob']) await writeFile(join(folder, user), cluster.kubeconfig(user))
  close = async () => {
    await cluster.close()
    await api.close()
    await stores.close()
    await rm(folder, { recursive: true, force: true })
  }
})
afterAll(() => close())

const run = (line: readonly string[], user = 'alice'): Promise<CliRun> =>
  runInMemory([...line, '--kubeconfig', join(folder, user)])

async function bring(text: string | Buffer, ...options: readonly string[]): Promise<CliRun> {
  const file = join(folder, 'brought.cast')
  await writeFile(file, text)
  return run(['sessions', 'import', file, '-n', 'team', ...options])
}

async function brought(text: string): Promise<SessionObject> {
  const { stdout, stderr } = await bring(text, '-o', 'json')
  expect(stderr).toBe('')
  return JSON.parse(stdout) as SessionObject
}

const files = async () => readdir(`${databaseFile}-recordings`, { recursive: true }).catch(() => [])

describe('sessions import', () => {
  test('keeps what Tailscale recorded: listed, replayed, searched, exported, deleted', async () => {
    const session = await brought(TAILSCALE)
    const { name } = session.metadata
    expect(session).toMatchObject({
      metadata: { namespace: 'team' },
      spec: {
        ...{ pod: '', podUid: '', rootRequester: '', target: '', level: 'output' },
        imported: {
          ...{ by: 'alice', source: 'brought.cast', format: 'asciicast v2' },
          bytes: Buffer.byteLength(TAILSCALE),
          told: {
            ...{ user: 'carol@example.com', node: 'laptop.tail-scale.ts.net', command: 'sh' },
            ...{ namespace: 'shop', pod: 'web-0', container: 'app', sessionType: 'exec' },
            recordedAt: '2023-11-14T22:13:20.000Z',
          },
        },
      },
      status: { phase: 'Ended', ending: 'imported', durationMs: 200 },
    })
    expect((await run(['sessions', '-n', 'team'])).stdout).toMatch(
      new RegExp(`${name} +imported +<none> +<none> +<none> +imported`),
    )
    expect((await run(['replay', name])).stdout).toBe('$ ls\r\nsecret.txt \r\n')
    expect((await run(['sessions', 'grep', 'secret', '-n', 'team'])).stdout).toContain(name)
    expect((await run(['sessions', 'export', name, '--format', 'v2'])).stdout).toContain('secret')
    expect((await run(['sessions', 'review', name])).exitCode).toBe(0)
    expect((await run(['sessions', 'cut', name, '--reason', 'x'])).stderr).toMatch(/is not live/)
    const path = `/apis/access.lanyard.dev/v1alpha1/namespaces/team/sessions/${name}`
    expect((await api.get(path)).json).toMatchObject({
      status: { reviewedBy: 'alice', readers: [{ username: 'alice', reads: 3 }] },
    })
    expect((await api.get(path, 'alice', { method: 'DELETE' })).status).toBe(200)
    expect(await store.recordings.deletions(1)).toMatchObject([{ username: 'alice' }])
  })

  test('believes nothing that a file says of itself', async () => {
    const session = await brought(FORGED)
    const { spec, metadata } = session
    expect(metadata.uid).not.toBe(aDecisionId(1))
    expect(spec).toMatchObject({ pod: '', podUid: '', rootRequester: '', target: '', command: [] })
    expect(spec).toMatchObject({ level: 'all', subresource: '' })
    expect(spec.imported?.told).toEqual({
      ...{ user: 'alice', namespace: 'team', pod: 'web', command: 'sh', sessionType: 'exec' },
    })
    expect((await run(['sessions', '-A', '--root', 'alice'])).stdout).toBe('')
    const { stdout } = await run(['sessions', 'export', metadata.name])
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
      title: 'imported by alice',
      lanyard: { rootRequester: '', imported: { by: 'alice' } },
    })
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line).slice(1)),
    ).toEqual([
      ['e', ''],
      ['o', 'oops'],
      ['i', 'typed'],
      ['m', 'q: of another program'],
      ['x', '3'],
    ])
  })

  test.each([
    ['no asciicast', 'hello', /Line 1: .*asciicast begins with a JSON object/],
    ['nothing', '', /Line 1: the file is empty/],
    ['version 1', '{"version": 1}', /Line 1: asciicast v1 is not read/],
    ['an object of Kubernetes', '{"apiVersion": "v1", "kind": "Session"}', /Line 1: version/],
    ['a torn line', `${TAILSCALE}[0.3,"o"`, /Line 4: /],
    [
      'bytes that are no text',
      Buffer.from(`${TAILSCALE}[0.3,"o","\xff"]`, 'latin1'),
      /Line 4: .*UTF-8/,
    ],
    [
      'a late mistake',
      `${TAILSCALE.repeat(1)}${'[1,"o","x"]\n'.repeat(99_999)}[]`,
      /Line 100003: /,
    ],
  ])('refuses %s with the line, and leaves nothing behind', async (_name, text, message) => {
    const before = [await files(), store.recordings.revision()]
    const { exitCode, stdout, stderr } = await bring(text)
    expect([exitCode, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)])
    expect([await files(), store.recordings.revision()]).toEqual(before)
  })

  test('refuses the same file a second time, with the id of the first', async () => {
    const text = TAILSCALE.replace('secret', 'twice')
    const { metadata } = await brought(text)
    const before = await files()
    const { exitCode, stdout, stderr } = await bring(text, '--source', 'elsewhere')
    expect([exitCode, stdout, stderr]).toEqual([1, '', expect.stringContaining(metadata.name)])
    expect(await files()).toEqual(before)
    const elsewhere = ['sessions', 'import', join(folder, 'brought.cast'), '-n', 'other']
    expect((await run(elsewhere)).exitCode).toBe(0)
    const path = `/apis/access.lanyard.dev/v1alpha1/namespaces/team/sessions/${metadata.name}`
    expect((await api.get(path, 'alice', { method: 'DELETE' })).status).toBe(200)
    expect((await bring(text)).exitCode).toBe(0)
  })

  test('refuses whoever may not, a file that is not there, and a volume that is full', async () => {
    const file = join(folder, 'ok.cast')
    await writeFile(file, TAILSCALE)
    const refused = await run(['sessions', 'import', file, '-n', 'team'], 'bob')
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringMatching(/forbidden/)])
    const absent = await run(['sessions', 'import', join(folder, 'no.cast'), '-n', 'team'])
    expect(absent.stderr).toMatch(/Cannot read .*no\.cast/)
    room.checkImport = () => Promise.reject(new Fault('overloaded', 'The volume is full'))
    const full = await run(['sessions', 'import', file, '-n', 'team'])
    expect(full.stderr).toMatch(/The volume is full/)
    room.checkImport = async () => undefined
  })
})
