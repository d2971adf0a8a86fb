import { expect, test } from 'vitest'
import type { AuditStoreObject } from '../objects/audit-store-object.ts'
import { AUDIT_STORE_COLUMNS } from './audit-store-columns.ts'

const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
const STORE: AuditStoreObject = {
  apiVersion: 'access.lanyard.dev/v1alpha1',
  kind: 'AuditStore',
  metadata: { name: 'audit' },
  spec: { retentionDays: 0, bytesMax: 0, freeBytesMin: 0 },
  status: { bytes: 0, reusableBytes: 0, removals: [] },
}
const RECORDINGS = {
  ...{ count: 3, imported: 1, live: 0, bytes: 1_048_577, bytesMax: 0, freeBytesMin: 0 },
  ...{ unlistedFiles: 0, unlistedBytes: 0, comparedSegments: 0, segments: 4, comparedBytes: 0 },
  damaged: [],
}
const FULL: AuditStoreObject['status'] = {
  ...{ bytes: 1_048_577, reusableBytes: 0, volumeBytes: 10_485_760, volumeFreeBytes: 1 },
  ...{ oldestDecidedAt: '2026-11-20T12:00:00Z', lastBackupAt: '2026-11-23T11:00:00Z' },
  edits: { comparedAt: '2026-11-23T11:00:00Z', objects: 9, unseen: 2, unknown: 1 },
  ...{ problem: 'the disk is full', removals: [] },
  recordings: RECORDINGS,
}

test.each<[string, AuditStoreObject, readonly (string | number)[]]>([
  [
    'a database of which little is known',
    STORE,
    ['audit', '0Mi', '<unknown>', '<none>', '<none>', '<none>'].concat(
      ...['<unknown>', '<forever>', '<unknown>', '<unknown>', '<unknown>', '<unknown>'],
    ),
  ],
  [
    'a database of which all is known',
    { ...STORE, spec: { ...STORE.spec, retentionDays: 365 }, status: FULL },
    ['audit', '2Mi', '1Mi', '3d', '60m', 'the disk is full', '10Mi', '365d', 2, 1, 3, '2Mi'],
  ],
])('AUDIT_STORE_COLUMNS shows %s', (_name, store, cells) => {
  expect(AUDIT_STORE_COLUMNS.map(({ cell }) => cell(store, NOW_MS))).toEqual(cells)
})
