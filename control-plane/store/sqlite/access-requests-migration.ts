import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Requests that wait for an approval, their bodies, and grants. Phases are numbers (access-request-rows.ts). */
export const accessRequests: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create table access_request (
      id text primary key,
      revision integer not null,
      phase integer not null,
      digest text not null,
      namespace text not null,
      pod text not null,
      root_requester text not null,
      expires_at_ms integer not null,
      closed_at_ms integer,
      json text not null
    ) without rowid`.execute(db)
    // The same bytes wait once, whoever asks for them again.
    await sql`create unique index access_request_pending on access_request (digest) where phase = 0`.execute(
      db,
    )
    await sql`create index access_request_closed on access_request (digest, closed_at_ms)
      where phase > 0`.execute(db)
    await sql`create index access_request_due on access_request (expires_at_ms) where phase = 0`.execute(
      db,
    )
    await sql`create index access_request_of_root on access_request (root_requester) where phase = 0`.execute(
      db,
    )
    await sql`create index access_request_in_namespace on access_request (namespace) where phase = 0`.execute(
      db,
    )
    await sql`create index access_request_by_revision on access_request (revision)`.execute(db)
    await sql`create table access_request_body (id text primary key, bytes blob not null)`.execute(
      db,
    )
    await sql`create table access_grant (
      id text primary key,
      request_id text not null,
      revision integer not null,
      phase integer not null,
      scope text not null,
      key text not null,
      namespace text not null,
      pod text not null,
      root_requester text not null,
      expires_at_ms integer not null,
      json text not null
    ) without rowid`.execute(db)
    await sql`create index access_grant_usable on access_grant (key, scope) where phase = 0`.execute(
      db,
    )
    await sql`create index access_grant_due on access_grant (expires_at_ms) where phase < 2`.execute(
      db,
    )
    await sql`create index access_grant_by_request on access_grant (request_id)`.execute(db)
    await sql`create index access_grant_by_revision on access_grant (revision)`.execute(db)
    // One row: the newest revision, and that of the newest removal.
    await sql`create table access_revision (newest integer not null, removal integer not null)`.execute(
      db,
    )
    await sql`insert into access_revision (newest, removal) values (0, 0)`.execute(db)
  },
}
