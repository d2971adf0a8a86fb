import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KubernetesClient } from '../../../api/client/kubernetes-client.ts'
import { runBackup } from '../../../cli/backup/run-backup.ts'
import type { CommandContext } from '../../../cli/command/command-context.ts'
import { openStore } from '../../../control-plane/store/open-store.ts'
import {
  type AccessApiFixture,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import { AGENT, aDecision, aDecisionId, NOON_MS } from '../../support/record-builders.ts'

/* The resource auditstores, on the real database: how it is, and a copy of it. */

const ROOT = '/apis/access.lanyard.dev/v1alpha1/auditstores'
let stores: Awaited<ReturnType<typeof sqliteStores>>
let fixture: AccessApiFixture
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-copy-'))
  stores = await sqliteStores()
  fixture = await startAccessApi({}, stores)
  for (const number of [1, 2, 3]) await stores.auditEvents.append(aDecision(number))
})
afterEach(async () => {
  await fixture.close()
  await stores.close()
  await rm(folder, { recursive: true })
})

describe('auditstores', () => {
  test('says how the database is', async () => {
    await stores.auditEvents.removeOldest({
      ...{ decidedBeforeMs: NOON_MS + 2_000, limit: 9, reason: 'age', nowMs: NOON_MS + 9_000 },
    })
    const { status, json } = await fixture.get(`${ROOT}/audit`)
    expect(status).toBe(200)
    expect(json).toMatchObject({
      kind: 'AuditStore',
      metadata: { name: 'audit' },
      spec: { retentionDays: 365, bytesMax: 0, freeBytesMin: 0 },
      status: {
        oldestDecidedAt: '2026-11-23T10:00:02Z',
        volumeFreeBytes: 9_663_676_416,
        removals: [{ reason: 'age', decisions: 1, records: 1, firstId: aDecisionId(1) }],
      },
    })
    expect(json).not.toHaveProperty('status.lastBackupAt')
    const list = await fixture.get(ROOT)
    expect(list.json).toMatchObject({ kind: 'AuditStoreList', items: [{ kind: 'AuditStore' }] })
  })

  test.each([
    ['another object', `${ROOT}/other`, 404],
    ['another subresource', `${ROOT}/audit/status`, 404],
    ['a namespace', '/apis/access.lanyard.dev/v1alpha1/namespaces/team/auditstores/audit', 404],
    ['a watch', `${ROOT}?watch=true`, 405],
  ])('has no %s', async (_name, path, status) => {
    expect((await fixture.get(path)).status).toBe(status)
  })

  test.each([ROOT, `${ROOT}/audit`, `${ROOT}/audit/log`])('asks who may get %s', async (path) => {
    expect((await fixture.get(path, 'mallory')).status).toBe(403)
  })
})

describe('backup', () => {
  const said: string[] = []
  const context = () =>
    ({
      client: { download: async (path: string) => fixture.download(path) } as KubernetesClient,
      terminal: {
        out: (text: string) => void said.push(text),
        err: () => undefined,
        style: (_: string, text: string) => text,
      },
      now: () => Date.now(),
    }) as unknown as CommandContext

  test('writes a copy that can take the place of the database, and notes when', async () => {
    const file = join(folder, 'copy.db')
    const writing = Promise.all(
      [4, 5, 6].map((number) => stores.auditEvents.append(aDecision(number))),
    )
    expect(await runBackup(context(), file, {})).toBe(0)
    await writing
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
    expect(said.join('')).toContain(digest)
    const sqlite = new Sqlite(file)
    expect(sqlite.pragma('integrity_check', { simple: true })).toBe('ok')
    sqlite.close()
    const copy = await openStore(file)
    const { events } = await copy.auditEvents.list({}, { afterSequence: 0, limit: 9 })
    expect(events.map(({ id }) => id)).toEqual(expect.arrayContaining([1, 2, 3].map(aDecisionId)))
    expect(await copy.bindings.find(AGENT.podUid)).toMatchObject({ podUid: AGENT.podUid })
    await copy.close()
    const { json } = await fixture.get(`${ROOT}/audit`)
    expect(json).toHaveProperty('status.lastBackupAt', '2026-11-23T10:01:00Z')
    const left = await readdir(dirname(stores.databaseFile ?? ''))
    expect(left.filter((name) => name.includes('copy'))).toEqual([])
  })

  test('replaces no file unless it is told to', async () => {
    const file = join(folder, 'copy.db')
    await writeFile(file, 'mine')
    await expect(runBackup(context(), file, {})).rejects.toMatchObject({ code: 'binding_conflict' })
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect(await runBackup(context(), file, { force: true })).toBe(0)
    expect((await readFile(file)).subarray(0, 15).toString()).toBe('SQLite format 3')
  })

  test('leaves nothing of a copy that is not what was sent', async () => {
    const broken = context()
    broken.client.download = async (path) => {
      const { headers, chunks } = await fixture.download(path)
      async function* changed() {
        for await (const chunk of chunks) yield Buffer.concat([chunk, Buffer.from('x')])
      }
      return { headers, chunks: changed() }
    }
    const file = join(folder, 'copy.db')
    await expect(runBackup(broken, file, {})).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(await readdir(folder)).toEqual([])
  })
})
