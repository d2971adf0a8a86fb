import type { Database as SqliteDatabase } from 'better-sqlite3'
import {
  type AccessGrant,
  type AccessRequest,
  GRANT_PHASES,
  REQUEST_PHASES,
} from '../../../core/approvals/access-request.ts'
import { sha256Hex } from '../../../core/approvals/request-digest.ts'
import { Fault } from '../../../core/fault.ts'
import type { AccessRequestFilter, GrantKey } from '../access-request-store.ts'

/** A row as it is read: its text, and what is never in the text. */
export interface JsonRow {
  readonly revision: number
  readonly json: string
}

type Filter = { readonly [Key in keyof Required<AccessRequestFilter>]: string | null }
type ListFilter = Filter & {
  readonly afterId: string
  readonly limit: number
  readonly pendingOnly: number
}

const NAMES = '@namespace is null or namespace = @namespace'
const WHERE_FILTER = `id > @afterId and (${NAMES}) and (@pod is null or pod = @pod)
  and (@rootRequester is null or root_requester = @rootRequester)`

/** The statements of the store. Phases are kept as their places in the lists of `access-request.ts`. */
export function prepareAccessRequests(sqlite: SqliteDatabase) {
  return { ...prepareFinds(sqlite), ...prepareLooks(sqlite), ...prepareChanges(sqlite) }
}

/** Statements that find requests and grants. */
function prepareFinds(sqlite: SqliteDatabase) {
  const get = (table: string) =>
    sqlite.prepare<[string], JsonRow>(`select revision, json from ${table} where id = ?`)
  const list = (table: string) =>
    sqlite.prepare<ListFilter, JsonRow>(
      `select revision, json from ${table} where ${WHERE_FILTER} and (@pendingOnly = 0 or phase = 0)
       order by id limit @limit`,
    )
  const due = (table: string, open: string) =>
    sqlite.prepare<[number, number], JsonRow>(
      `select revision, json from ${table} where ${open} and expires_at_ms <= ?
       order by expires_at_ms limit ?`,
    )
  return {
    request: get('access_request'),
    grant: get('access_grant'),
    requests: list('access_request'),
    grants: list('access_grant'),
    body: sqlite
      .prepare<[string], Buffer>('select bytes from access_request_body where id = ?')
      .pluck(),
    pendingFor: sqlite.prepare<[string], JsonRow>(
      'select revision, json from access_request where digest = ? and phase = 0',
    ),
    closedFor: sqlite.prepare<[string, number, number], JsonRow>(
      `select revision, json from access_request
       where digest = ? and phase > 0 and phase = ? and closed_at_ms > ?
       order by closed_at_ms desc limit 1`,
    ),
    usable: sqlite.prepare<[string, string], JsonRow>(
      `select revision, json from access_grant where key = ? and scope = ? and phase = 0
       order by expires_at_ms desc`,
    ),
    dueRequests: due('access_request', 'phase = 0'),
    dueGrants: due('access_grant', 'phase < 2'),
  }
}

/** Statements for counts and changes. */
function prepareLooks(sqlite: SqliteDatabase) {
  const number = <Parameters extends unknown[]>(text: string) =>
    sqlite.prepare<Parameters, number | null>(text).pluck()
  return {
    nextRequest: number('select min(expires_at_ms) from access_request where phase = 0'),
    nextGrant: number('select min(expires_at_ms) from access_grant where phase < 2'),
    ofRoot: number<[string]>(
      'select count(*) from access_request where phase = 0 and root_requester = ?',
    ),
    inNamespace: number<[string]>(
      'select count(*) from access_request where phase = 0 and namespace = ?',
    ),
    all: number('select count(*) from access_request where phase = 0'),
    changedRequests: sqlite.prepare<[number, number], JsonRow>(
      'select revision, json from access_request where revision > ? order by revision limit ?',
    ),
    changedGrants: sqlite.prepare<[number, number], JsonRow>(
      'select revision, json from access_grant where revision > ? order by revision limit ?',
    ),
    revisions: sqlite.prepare<[], { newest: number; removal: number }>(
      'select newest, removal from access_revision',
    ),
  }
}

/** Statements that change something. */
function prepareChanges(sqlite: SqliteDatabase) {
  return {
    setRevision: sqlite.prepare<[number]>('update access_revision set newest = ?'),
    setRemoval: sqlite.prepare<[number, number]>(
      'update access_revision set newest = ?, removal = ?',
    ),
    keepRequest: sqlite.prepare<unknown[]>(
      `insert or replace into access_request (id, revision, phase, digest, namespace, pod, root_requester,
       expires_at_ms, closed_at_ms, json) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    keepBody: sqlite.prepare<[string, Buffer]>(
      'insert into access_request_body (id, bytes) values (?, ?)',
    ),
    addGrant: sqlite.prepare<unknown[]>(
      `insert into access_grant (id, revision, phase, expires_at_ms, json, request_id, scope, key, namespace, pod,
       root_requester) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    changeGrant: sqlite.prepare<unknown[]>(
      'update access_grant set revision = ?, phase = ?, expires_at_ms = ?, json = ? where id = ?',
    ),
    removable: sqlite
      .prepare<[number, number], string>(
        `select id from access_request where phase > 0 and closed_at_ms < ? and not exists
         (select 1 from access_grant where request_id = access_request.id and access_grant.phase < 2)
         limit ?`,
      )
      .pluck(),
    grantsOf: sqlite
      .prepare<[string], string>('select id from access_grant where request_id = ?')
      .pluck(),
    removeRequest: sqlite.prepare<[string]>('delete from access_request where id = ?'),
    removeBody: sqlite.prepare<[string]>('delete from access_request_body where id = ?'),
    removeGrant: sqlite.prepare<[string]>('delete from access_grant where id = ?'),
  }
}

/** The values of a request's row, in the order of `keepRequest`. */
export function requestValues(request: Omit<AccessRequest, 'revision'>, revision: number) {
  const { id, digest, expiresAtMs, closing, held } = request
  return [
    ...[id, revision, REQUEST_PHASES.indexOf(request.phase), digest],
    ...[held.caller.namespace, held.caller.name, held.chain.rootRequester.username],
    ...[expiresAtMs, closing?.atMs ?? null, JSON.stringify({ ...request, revision: undefined })],
  ]
}

/** What of a grant's row may change, in the order of `changeGrant` and of `addGrant` after the id. */
export function grantChange(grant: Omit<AccessGrant, 'revision'>, revision: number) {
  const json = JSON.stringify({ ...grant, revision: undefined })
  return [revision, GRANT_PHASES.indexOf(grant.phase), grant.expiresAtMs, json]
}

/** The values of a new grant's row, in the order of `addGrant`. */
export function grantValues(
  grant: Omit<AccessGrant, 'revision'>,
  { key, scope }: GrantKey,
  revision: number,
) {
  const { id, requestId, namespace, pod, rootRequester } = grant
  const change = grantChange(grant, revision)
  return [id, ...change, requestId, scope, key, namespace, pod, rootRequester]
}

/** Throws `audit_unavailable` for a row that is not as it was written. */
export function toRequest({ json, revision }: JsonRow): AccessRequest {
  const request = { ...(parseJson(json) as AccessRequest), revision }
  if (sha256Hex(request.canonical) !== request.digest) throw damaged()
  return request
}

/** Throws `audit_unavailable` for a row that is not as it was written. */
export function toGrant({ json, revision }: JsonRow): AccessGrant {
  return { ...(parseJson(json) as AccessGrant), revision }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw damaged(error)
  }
}

function damaged(cause?: unknown): Fault {
  return new Fault('audit_unavailable', 'An access request is damaged', { cause })
}
