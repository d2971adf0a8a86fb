import { listOf, type Ref, top } from './openapi-kinds.ts'
import { integer, list, object, type Schema, text, time } from './schema-parts.ts'

/** Definitions of what stands in an AuditStore, by their kind; `ref` refers to one of them. */
function auditStoreDefinitions(
  ref: (kind: string, description?: string) => Schema,
): Record<string, Schema> {
  return {
    AuditStoreSpec: object('What is kept.', {
      retentionDays: integer('Days for which decisions are kept; 0 keeps them for ever.'),
      bytesMax: integer('Largest size of the database; 0 is no limit.'),
      freeBytesMin: integer('What is left free on the volume.'),
    }),
    AuditStoreStatus: object('How the database is.', {
      bytes: integer('Size of the database.'),
      reusableBytes: integer('What of it is used again before it grows.'),
      volumeBytes: integer('Size of its volume; absent when not known.'),
      volumeFreeBytes: integer('What is free on its volume; absent when not known.'),
      oldestDecidedAt: time('When the oldest decision on record was made.'),
      checkedAt: time('When the database was found to be whole; absent while it is looked at.'),
      problem: text('Why nothing can be recorded, or what is damaged.'),
      lastBackupAt: time('When the database was last copied.'),
      edits: ref('ComparedEdits', 'Absent until the comparison has ended, and when it failed.'),
      recordings: ref('KeptRecordings', 'Absent when the files cannot be read.'),
      removals: list('What was removed, the newest first; some.', ref('Removal')),
    }),
    KeptRecordings: object('Recordings of sessions.', {
      count: integer('How many people can read.'),
      imported: integer('How many of them were recorded elsewhere.'),
      live: integer('How many sessions are being recorded.'),
      bytes: integer('What they take.'),
      bytesMax: integer('What they may take; 0 is no limit.'),
      freeBytesMin: integer('Free room of the volume below which no session is recorded.'),
      oldestBeganAt: time('When the oldest began.'),
      unlistedFiles: integer('Files that the database does not list; they are set aside.'),
      unlistedBytes: integer('What these take.'),
      comparedSegments: integer('Segments that were compared with their digests just now.'),
      segments: integer('How many segments there are.'),
      comparedBytes: integer('Bytes of the segments that were compared.'),
      damaged: list('Ids of sessions with a segment that is not as it was written.', {
        type: 'string',
      }),
    }),
    ComparedEdits: object('What the control plane found at its start about edits of templates.', {
      comparedAt: time('When the comparison ended.'),
      objects: integer('How many objects were compared.'),
      unseen: integer('How many were edited while nobody was told.'),
      unknown: integer('How many have no earlier code on record, so that an edit cannot be told.'),
    }),
    Removal: object('Decisions that were removed.', {
      reason: text('Why, such as age.'),
      firstId: text('Id of the first decision.'),
      lastId: text('Id of the last decision.'),
      decisions: integer('How many decisions.'),
      records: integer('How many records.'),
      recordings: integer('How many recordings of sessions went with them; absent for none.'),
      sha256: text('SHA-256, in hexadecimal, of what was removed.'),
      removedAt: time('When.'),
      firstDecidedAt: time('When the first of them was decided.'),
      lastDecidedAt: time('When the last of them was decided.'),
    }),
  }
}

/** The kind, and what stands in it. */
export function auditStoreKinds(ref: Ref): Record<string, Schema> {
  return {
    ...auditStoreDefinitions(ref),
    AuditStore: top('AuditStore', 'The database of chains and decisions.', {
      metadata: ref('ObjectMeta', 'Its name, which is audit.'),
      spec: ref('AuditStoreSpec', 'What is kept.'),
      status: ref('AuditStoreStatus', 'How the database is.'),
    }),
    AuditStoreList: listOf('AuditStore', ref),
  }
}
