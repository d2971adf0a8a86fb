import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { ComparedEdits } from '../chains/unseen-edits.ts'
import { AuditStoreResource } from './audit-store.ts'

const MIB = 1_024 * 1_024

let folder: string
/** Copies that were begun, each waiting for the test. */
let copies: PromiseWithResolvers<void>[]
let backups: number[]
let freeBytes: number
let problem: string | undefined
let compared: ComparedEdits | undefined
let resource: AuditStoreResource

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-audit-store-'))
  copies = []
  backups = []
  freeBytes = 1_000 * MIB
  problem = undefined
  compared = undefined
  resource = new AuditStoreResource({
    recordings: { read: () => Promise.reject(new Error('no folder')) },
    store: {
      size: () => ({ bytes: 100 * MIB, logBytes: 0, reusableBytes: 7 }),
      async copyTo(path) {
        const waiting = Promise.withResolvers<void>()
        await writeFile(path, 'the database')
        copies.push(waiting)
        await waiting.promise
        return { bytes: 12, sha256: '00' }
      },
      noteBackup: async (atMs) => void backups.push(atMs),
      lastBackupAtMs: () => backups.at(-1),
      checkedAtMs: () => undefined,
      problem: () => problem,
      auditEvents: createMemoryAuditEventStore(),
    },
    limits: { daysMax: 30, bytesMax: 0, freeBytesMin: 0 },
    comparedEdits: () => compared,
    databaseFile: join(folder, 'lanyard.db'),
    readSpace: () => {
      if (freeBytes < 0) throw new Error('no volume')
      return { bytes: 2_000 * MIB, freeBytes }
    },
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    clock: { now: () => 86_400_000 },
  })
})
afterEach(() => rm(folder, { recursive: true }))

class Outgoing extends PassThrough {
  headersSent = false
  readonly chunks: Buffer[] = []

  writeHead(): void {
    this.headersSent = true
    this.on('data', (chunk: Buffer) => void this.chunks.push(chunk))
  }
}

const AUDIT = { apiGroup: 'access.lanyard.dev', resource: 'auditstores', namespace: '' }

function handle(parts: object, outgoing = new Outgoing()) {
  const attributes = aRequest({ ...AUDIT, name: 'audit', ...parts })
  return resource.handle(attributes, outgoing as unknown as ServerResponse)
}

const copy = (outgoing?: Outgoing) => handle({ subresource: 'log' }, outgoing)
const begun = (count: number) => expect.poll(() => copies.length).toBe(count)

describe('handle()', () => {
  test.each([
    ['the object', {}, 200],
    ['the list', { verb: 'list', name: '' }, 200],
    ['another name', { name: 'other' }, 404],
    ['no name', { name: '' }, 404],
    ['another subresource', { subresource: 'status' }, 404],
    ['a namespace', { namespace: 'team' }, 404],
    ['a watch', { verb: 'watch', name: '' }, 405],
    ['a deletion', { verb: 'delete' }, 405],
    ['a change of the log', { verb: 'update', subresource: 'log' }, 405],
  ])('answers %s', async (_name, parts, expected) => {
    expect((await handle(parts)).status).toBe(expected)
    expect(copies).toEqual([])
  })

  test.each([
    ['a problem', () => (problem = 'the file is damaged'), { problem: 'the file is damaged' }],
    [
      'edits',
      () => (compared = { objects: 9, unseen: 2, unknown: 1, comparedAtMs: 0 }),
      { edits: { comparedAt: '1970-01-01T00:00:00Z', objects: 9, unseen: 2, unknown: 1 } },
    ],
    ['a volume', () => undefined, { volumeFreeBytes: 1_000 * MIB, volumeBytes: 2_000 * MIB }],
  ])('tells of %s', async (_name, arrange, status) => {
    arrange()
    expect(await (await handle({})).json()).toMatchObject({ status })
  })

  test.each([
    ['a get', {}],
    ['a list', { verb: 'list', name: '' }],
  ])('answers %s that wants a Table', async (_name, parts) => {
    const attributes = aRequest({ ...AUDIT, name: 'audit', ...parts })
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const wanted = { accept, includeObject: 'None' }
    const outgoing = new Outgoing() as unknown as ServerResponse
    const table = await (await resource.handle(attributes, outgoing, wanted)).json()
    const [cells] = (table as { rows: { cells: unknown[] }[] }).rows.map((row) => row.cells)
    expect(table).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}],
    })
    expect(cells?.slice(0, 3)).toEqual(['audit', '100Mi', '1000Mi'])
  })

  test('answers 406 to a client that takes protobuf alone, and sends it the log', async () => {
    const wanted = { accept: 'application/vnd.kubernetes.protobuf', includeObject: '' }
    const outgoing = new Outgoing() as unknown as ServerResponse
    const attributes = aRequest({ ...AUDIT, name: 'audit' })
    expect((await resource.handle(attributes, outgoing, wanted)).status).toBe(406)
    const sending = resource.handle({ ...attributes, subresource: 'log' }, outgoing, wanted)
    await begun(1)
    copies[0]?.resolve()
    await sending
    expect(backups).toHaveLength(1)
  })

  test('leaves out what is not known', async () => {
    freeBytes = -1
    const { status } = (await (await handle({})).json()) as { status: object }
    expect(Object.keys(status).sort()).toEqual(['bytes', 'removals', 'reusableBytes'])
  })
})

describe('a copy', () => {
  test('is sent, noted, and leaves no file', async () => {
    const outgoing = new Outgoing()
    const sending = copy(outgoing)
    await begun(1)
    expect(backups).toEqual([])
    copies[0]?.resolve()
    await sending
    expect(Buffer.concat(outgoing.chunks).toString()).toBe('the database')
    expect(backups).toEqual([86_400_000])
    expect(await readdir(folder)).toEqual([])
  })

  test.each<[string, number, string | undefined]>([
    ['enough room', 164 * MIB, undefined],
    ['a byte too little', 164 * MIB - 1, 'overloaded'],
    ['a volume of which nothing is known', -1, undefined],
  ])('is begun by the room on the volume: %s', async (_name, bytes, code) => {
    freeBytes = bytes
    const sending = copy().then(
      () => undefined,
      (error: Fault) => error.code,
    )
    await Promise.race([sending, begun(1)])
    for (const one of copies) one.resolve()
    expect(await sending).toBe(code)
  })

  test.each<[string, (waiting: PromiseWithResolvers<void>) => void, string]>([
    ['was sent', (waiting) => waiting.resolve(), 'sent'],
    [
      'failed',
      (waiting) => waiting.reject(new Fault('audit_unavailable', 'no')),
      'audit_unavailable',
    ],
  ])('is refused while another is made, and begins once that %s', async (_name, end, result) => {
    const first = copy().then(
      () => 'sent',
      (error: Fault) => error.code,
    )
    await begun(1)
    await expect(copy()).rejects.toMatchObject({ code: 'overloaded' })
    expect(copies).toHaveLength(1)
    copies.forEach(end)
    expect(await first).toBe(result)
    const second = copy()
    await begun(2)
    copies[1]?.resolve()
    await second
    expect(await readdir(folder)).toEqual([])
  })

  test('that the client does not take to its end is not noted, and another can be made', async () => {
    const outgoing = new Outgoing()
    const sending = copy(outgoing)
    await begun(1)
    outgoing.destroy()
    copies[0]?.resolve()
    await sending
    expect([backups, await readdir(folder)]).toEqual([[], []])
    const second = copy()
    await begun(2)
    copies[1]?.resolve()
    await second
  })
})

test('clean() removes what a copy has left, and nothing else', async () => {
  const names = ['lanyard.db', 'lanyard.db-wal', 'lanyard.db.copy-1', 'other.db.copy-1']
  for (const name of names) await writeFile(join(folder, name), '')
  await resource.clean()
  expect((await readdir(folder)).sort()).toEqual([
    'lanyard.db',
    'lanyard.db-wal',
    'other.db.copy-1',
  ])
})
