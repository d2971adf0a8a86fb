import { grantChanged, requestChanges } from '../../../core/approvals/access-changes.ts'
import type { AccessGrant, AccessRequest } from '../../../core/approvals/access-request.ts'
import { REQUEST_PHASES } from '../../../core/approvals/access-request.ts'
import { use } from '../../../core/approvals/request-life.ts'
import { assert } from '../../../core/assert.ts'
import type {
  AccessRequestFilter,
  AccessRequestStore,
  ChangedAccess,
  NewAccessRequest,
  RequestChange,
} from '../access-request-store.ts'
import type { NewAuditEvent } from '../audit-event-store.ts'
import {
  grantChange,
  grantValues,
  type JsonRow,
  prepareAccessRequests,
  requestValues,
  toGrant,
  toRequest,
} from './access-request-rows.ts'
import type { Database } from './database.ts'
import type { AccessLog, CommitAccess } from './record-writer.ts'

/** Removals that are remembered for watches. */
const GONE_MAX = 10_000

/** Access requests in SQLite. Nothing of them is held in memory: ten thousand that wait take the room of one. */
export function createSqliteAccessRequestStore(
  db: Database,
  commitAccess: CommitAccess,
): AccessRequestStore {
  return new SqliteAccessRequests(db, commitAccess)
}

class SqliteAccessRequests implements AccessRequestStore {
  readonly #statements: ReturnType<typeof prepareAccessRequests>
  readonly #commit: CommitAccess
  readonly #listeners = new Set<() => void>()
  #gone: ChangedAccess[] = []
  #forgottenUntil: number

  constructor(db: Database, commitAccess: CommitAccess) {
    this.#statements = prepareAccessRequests(db.sqlite)
    this.#commit = commitAccess
    this.#forgottenUntil = this.#revisions().removal
  }

  get(id: string): AccessRequest | undefined {
    return one(this.#statements.request.get(id), toRequest)
  }

  grant(id: string): AccessGrant | undefined {
    return one(this.#statements.grant.get(id), toGrant)
  }

  body(id: string): Buffer | undefined {
    return this.#statements.body.get(id)
  }

  list(
    filter: AccessRequestFilter & { readonly pendingOnly?: boolean },
    afterId: string,
    limit: number,
  ): readonly AccessRequest[] {
    const parameters = { ...toParameters(filter), afterId, limit }
    const pendingOnly = filter.pendingOnly === true ? 1 : 0
    return this.#statements.requests.all({ ...parameters, pendingOnly }).map(toRequest)
  }

  grants(filter: AccessRequestFilter, afterId: string, limit: number): readonly AccessGrant[] {
    const parameters = { ...toParameters(filter), afterId, limit, pendingOnly: 0 }
    return this.#statements.grants.all(parameters).map(toGrant)
  }

  findPending(digest: string): AccessRequest | undefined {
    return one(this.#statements.pendingFor.get(digest), toRequest)
  }

  findClosed(digest: string, phase: AccessRequest['phase'], sinceMs: number) {
    const place = REQUEST_PHASES.indexOf(phase)
    return one(this.#statements.closedFor.get(digest, place, sinceMs), toRequest)
  }

  findGrants(keys: Parameters<AccessRequestStore['findGrants']>[0]): readonly AccessGrant[] {
    return keys.flatMap(({ key, scope }) => this.#statements.usable.all(key, scope).map(toGrant))
  }

  pending(rootRequester: string, namespace: string) {
    const { ofRoot, inNamespace, all } = this.#statements
    return {
      ofRoot: ofRoot.get(rootRequester) ?? 0,
      inNamespace: inNamespace.get(namespace) ?? 0,
      all: all.get() ?? 0,
    }
  }

  due(nowMs: number, limit: number) {
    const { dueRequests, dueGrants } = this.#statements
    return {
      requests: dueRequests.all(nowMs, limit).map(toRequest),
      grants: dueGrants.all(nowMs, limit).map(toGrant),
    }
  }

  nextDueMs(): number | undefined {
    const { nextRequest, nextGrant } = this.#statements
    const times = [nextRequest.get(), nextGrant.get()].filter((time) => typeof time === 'number')
    return times.length === 0 ? undefined : Math.min(...times)
  }

  open(request: NewAccessRequest, body: Buffer, check: () => void): Promise<AccessRequest> {
    return this.#change((log) => {
      const pending = this.findPending(request.digest)
      if (pending !== undefined) return pending
      check()
      const revision = this.#nextRevision()
      this.#statements.keepRequest.run(...requestValues(request, revision))
      this.#statements.keepBody.run(request.id, body)
      const opened = { ...request, revision }
      note(log, opened, requestChanges(undefined, opened))
      return opened
    })
  }

  change(id: string, change: RequestChange): Promise<AccessRequest | undefined> {
    return this.#change((log) => {
      const before = this.get(id)
      const made = before === undefined ? undefined : change(before)
      if (made === undefined) return undefined
      const { request } = made
      const changed = { ...request, revision: this.#nextRevision() }
      // A pod can make any number of these, and nobody will look through them again.
      if (request.phase === 'Expired' || request.phase === 'Cancelled')
        this.#statements.removeBody.run(id)
      this.#statements.keepRequest.run(...requestValues(changed, changed.revision))
      if (made.grant !== undefined) {
        const { grant, key } = made.grant
        this.#statements.addGrant.run(...grantValues(grant, key, this.#nextRevision()))
      }
      note(log, changed, requestChanges(before, changed, made.grant?.grant))
      return changed
    })
  }

  changeGrant(id: string, change: (grant: AccessGrant) => AccessGrant | undefined) {
    return this.#change((log) => {
      const before = this.grant(id)
      const after = before === undefined ? undefined : change(before)
      if (after === undefined) return undefined
      const changed = this.#keepGrant(after)
      const request = this.get(changed.requestId)
      assert(request !== undefined, 'a request stays as long as its grant')
      note(log, request, grantChanged(request, changed))
      return changed
    })
  }

  use(grantId: string, event: NewAuditEvent, nowMs: number): Promise<boolean> {
    return this.#change((log) => {
      const grant = this.grant(grantId)
      const used = grant === undefined ? undefined : use(grant, nowMs)
      if (used === undefined) return false
      this.#keepGrant(used)
      log.append(event)
      return true
    })
  }

  revision(): number {
    return this.#revisions().newest
  }

  forgottenUntil(): number {
    return this.#forgottenUntil
  }

  changesAfter(revision: number, limit: number): readonly ChangedAccess[] | undefined {
    if (revision < this.#forgottenUntil) return undefined
    const { changedRequests, changedGrants } = this.#statements
    const requests = changedRequests.all(revision, limit).map((row): ChangedAccess => {
      const request = toRequest(row)
      return { kind: 'request', revision: row.revision, id: request.id, request }
    })
    const grants = changedGrants.all(revision, limit).map((row): ChangedAccess => {
      const grant = toGrant(row)
      return { kind: 'grant', revision: row.revision, id: grant.id, grant }
    })
    const gone = this.#gone.filter((change) => change.revision > revision)
    return [...requests, ...grants, ...gone]
      .sort((first, second) => first.revision - second.revision)
      .slice(0, limit)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async removeClosed(beforeMs: number, limit: number): Promise<number> {
    const gone: ChangedAccess[] = []
    const { removable, grantsOf, removeGrant, removeBody, removeRequest, setRemoval } =
      this.#statements
    await this.#commit(() => {
      for (const id of removable.all(beforeMs, limit)) {
        for (const grant of grantsOf.all(id)) {
          gone.push(this.#goneGrant(grant))
          removeGrant.run(grant)
        }
        gone.push(this.#goneRequest(id))
        removeBody.run(id)
        removeRequest.run(id)
      }
      const { newest } = this.#revisions()
      if (gone.length > 0) setRemoval.run(newest, newest)
    })
    this.#remember(gone)
    return gone.filter(({ kind }) => kind === 'request').length
  }

  #goneRequest(id: string): ChangedAccess {
    const request = this.get(id)
    assert(request !== undefined, 'it is removed after this')
    return { kind: 'request', revision: this.#nextRevision(), id, request, gone: true }
  }

  #goneGrant(id: string): ChangedAccess {
    const grant = this.grant(id)
    assert(grant !== undefined, 'it is removed after this')
    return { kind: 'grant', revision: this.#nextRevision(), id, grant, gone: true }
  }

  #remember(gone: readonly ChangedAccess[]): void {
    const all = [...this.#gone, ...gone]
    const dropped = all.slice(0, Math.max(0, all.length - GONE_MAX))
    this.#forgottenUntil = dropped.at(-1)?.revision ?? this.#forgottenUntil
    this.#gone = all.slice(dropped.length)
    if (gone.length > 0) this.#tell()
  }

  #keepGrant(grant: AccessGrant): AccessGrant {
    const revision = this.#nextRevision()
    this.#statements.changeGrant.run(...grantChange(grant, revision), grant.id)
    return { ...grant, revision }
  }

  async #change<Result>(work: (log: AccessLog) => Result): Promise<Result> {
    const before = this.revision()
    const result = await this.#commit(work)
    if (this.revision() !== before) this.#tell()
    return result
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #revisions(): { readonly newest: number; readonly removal: number } {
    const row = this.#statements.revisions.get()
    assert(row !== undefined, 'the migration makes the one row')
    return row
  }

  /** Inside a transaction, which takes it back with all else when it fails. */
  #nextRevision(): number {
    const revision = this.#revisions().newest + 1
    this.#statements.setRevision.run(revision)
    return revision
  }
}

function note(
  log: AccessLog,
  { decisionId, held }: AccessRequest,
  changes: ReturnType<typeof requestChanges>,
): void {
  for (const change of changes) log.note(held.caller.podUid, decisionId, change)
}

function one<Row extends JsonRow, Value>(row: Row | undefined, to: (row: Row) => Value) {
  return row === undefined ? undefined : to(row)
}

function toParameters({ namespace, pod, rootRequester }: AccessRequestFilter) {
  return {
    namespace: namespace ?? null,
    pod: pod ?? null,
    rootRequester: rootRequester ?? null,
  }
}
