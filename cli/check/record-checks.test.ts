import { expect, test } from 'vitest'
import type { AuditStoreObject } from '../../api/objects/audit-store-object.ts'
import { NOON_MS } from '../../test/support/record-builders.ts'
import type { CommandContext } from '../command/command-context.ts'
import { recordChecks } from './record-checks.ts'

const MEBIBYTE = 1_024 * 1_024
const STATUS: AuditStoreObject['status'] = {
  ...{ bytes: 45 * MEBIBYTE, reusableBytes: 0, checkedAt: '2026-11-23T09:00:00Z', removals: [] },
  ...{ volumeBytes: 10_240 * MEBIBYTE, volumeFreeBytes: 9_000 * MEBIBYTE },
  edits: { comparedAt: '2026-11-23T09:00:01Z', objects: 12, unseen: 0, unknown: 0 },
  ...{ oldestDecidedAt: '2026-11-01T00:00:00Z', lastBackupAt: '2026-11-22T00:00:00Z' },
}

async function outcomes(status: object, retentionDays = 365) {
  const context = {
    client: { get: async () => ({ spec: { retentionDays }, status: { ...STATUS, ...status } }) },
    now: () => NOON_MS,
    program: 'kubectl lanyard',
  } as unknown as CommandContext
  return Promise.all(recordChecks(context).map((item) => item.run()))
}

test('recordChecks() says how large the database is, what is oldest, and for how long it is kept', async () => {
  const [whole, edits, room, backup] = await outcomes({})
  const note =
    '2026-11-23T09:00:00Z; 45 MiB, oldest decision 2026-11-01T00:00:00Z, kept for 365 days'
  expect(whole).toEqual({ result: 'ok', note })
  expect(edits).toEqual({ result: 'ok', note: '2026-11-23T09:00:01Z; 12 compared' })
  expect(room).toEqual({ result: 'ok', note: '9,000 of 10,240 MiB are free' })
  expect(backup).toEqual({ result: 'ok', note: '2026-11-22T00:00:00Z' })
  const [empty] = await outcomes({ oldestDecidedAt: undefined }, 0)
  expect(empty?.note).toContain('no decision yet, kept for ever')
})

const KEPT = {
  ...{ count: 3, imported: 1, live: 1, bytes: 90 * MEBIBYTE, bytesMax: 1_000 * MEBIBYTE },
  ...{ freeBytesMin: 500 * MEBIBYTE, oldestBeganAt: '2026-11-02T00:00:00Z', unlistedFiles: 0 },
  ...{ unlistedBytes: 0, comparedSegments: 4, segments: 5, comparedBytes: MEBIBYTE, damaged: [] },
}

test.each([
  [
    'whole',
    {},
    4,
    'ok',
    /^3, 1 of them imported, oldest 2026-11-02.*compared 4 of 5 segments \(1 MiB/,
  ],
  ['none', { count: 0, oldestBeganAt: undefined }, 4, 'ok', /^none yet; compared/],
  ['damaged', { damaged: ['01A'] }, 4, 'error', /of 01a not all is as it was written/],
  ['unlisted', { unlistedFiles: 2 }, 4, 'warning', /2 files \(0 MiB\) are not listed/],
  ['roomy', {}, 5, 'ok', /^90 MiB, quota 1,000 MiB, 500 MiB are left free$/],
  ['at the quota', { bytesMax: 90 * MEBIBYTE }, 5, 'error', /no session that has to be recorded/],
  ['near the quota', { bytesMax: 95 * MEBIBYTE }, 5, 'warning', /nearly full/],
  ['below the floor', { freeBytesMin: 9_001 * MEBIBYTE }, 5, 'error', /no session/],
] as const)(
  'recordChecks() tells that recordings are %s',
  async (_name, parts, index, want, note) => {
    const outcome = (await outcomes({ recordings: { ...KEPT, ...parts } }))[index]
    const { note: said, hints } = { note: '', hints: [], ...outcome }
    expect([outcome?.result, `${said}${hints.join('; ')}`]).toEqual([
      want,
      expect.stringMatching(note),
    ])
  },
)

test.each([
  ['a database whose check is under way', { checkedAt: undefined }, 0, /under way/],
  [
    'a volume that is nearly full',
    { volumeFreeBytes: 255 * MEBIBYTE },
    2,
    /255 of 10,240 MiB are free: pods are refused/,
  ],
  ['edits that were not compared', { edits: undefined }, 1, /has not compared the templates/],
  [
    'an edit that was not seen',
    { edits: { comparedAt: 'then', objects: 12, unseen: 1, unknown: 0 } },
    1,
    /^of 12 objects compared at then\n1 had an edit that was not seen.*\ndocs\/lineage/,
  ],
  [
    'templates that cannot be compared',
    { edits: { comparedAt: 'then', objects: 12, unseen: 0, unknown: 3 } },
    1,
    /^of 12 objects compared at then\n3 have no earlier code on record.*\ndocs\/lineage/,
  ],
  ['a volume that cannot be looked at', { volumeFreeBytes: undefined }, 2, /cannot tell/],
  ['no copy', { lastBackupAt: undefined }, 3, /was never copied/],
  [
    'an old copy',
    { lastBackupAt: '2026-11-16T09:59:59Z' },
    3,
    /the last copy is of 2026-11-16T09:59:59Z/,
  ],
])('recordChecks() warns of %s', async (_name, status, index, hint) => {
  const outcome = (await outcomes(status))[index]
  expect(outcome?.result).toBe('warning')
  expect(outcome?.hints?.join('\n')).toMatch(hint)
})

test('recordChecks() fails for a damaged database, with what is wrong', async () => {
  const [whole] = await outcomes({
    problem: 'the database is damaged: row 7 missing',
    checkedAt: undefined,
  })
  expect(whole?.result).toBe('error')
  expect(whole?.hints?.[0]).toBe('the database is damaged: row 7 missing')
})
