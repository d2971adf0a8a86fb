import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What was recorded of tunnels: what the files beside the database hold, and who read them. */
export const recordings: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create table recording (
      id text primary key,
      decision_sequence integer not null unique,
      revision integer not null,
      namespace text not null,
      pod text not null,
      pod_uid text not null,
      root_requester text not null,
      protocol text not null,
      level text not null,
      began_at_ms integer not null,
      ended_at_ms integer,
      ending text not null default '',
      reason text not null default '',
      chunks integer not null default 0,
      duration_us integer not null default 0,
      raw_bytes integer not null default 0,
      stored_bytes integer not null default 0,
      reviewed_by text not null default '',
      reviewed_at_ms integer,
      deleted_by text not null default '',
      deleted_at_ms integer
    ) without rowid`.execute(db)
    await sql`create index recording_open on recording (id) where ended_at_ms is null`.execute(db)
    await sql`create index recording_deleted on recording (deleted_at_ms) where deleted_at_ms is not null`.execute(
      db,
    )
    await sql`create table recording_segment (
      id text not null,
      number integer not null,
      first_chunk integer not null,
      last_chunk integer not null,
      raw_bytes integer not null,
      stored_bytes integer not null,
      sha256 blob not null,
      primary key (id, number)
    ) without rowid`.execute(db)
    await sql`create table recording_reader (
      id text not null,
      username text not null,
      first_at_ms integer not null,
      last_at_ms integer not null,
      reads integer not null,
      primary key (id, username)
    ) without rowid`.execute(db)
    await sql`create table recording_revision (value integer not null)`.execute(db)
    await sql`insert into recording_revision values (0)`.execute(db)
  },
}
