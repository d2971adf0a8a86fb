import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { AUDIT_STORE_COLUMNS } from '../../api/columns/audit-store-columns.ts'
import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import {
  AUDIT_STORE_NAME,
  AUDIT_STORES,
  type AuditStoreObject,
  type RemovalObject,
} from '../../api/objects/audit-store-object.ts'
import type { Removal } from '../../core/audit/removal.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ComparedEdits } from '../chains/unseen-edits.ts'
import type { RetentionLimits } from '../retention/due-removal.ts'
import type { AuditEventReader } from '../store/audit-event-store.ts'
import type { Store, StoreSize } from '../store/store.ts'
import type { VolumeSpace } from '../volume-reserve.ts'
import { toTime } from './access-object.ts'
import type { KeptRecordings } from './kept-recordings.ts'
import { negotiate } from './media-type.ts'
import {
  jsonResponse,
  methodNotAllowedStatus,
  notAcceptableStatus,
  objectNotFoundStatus,
  pathNotFoundStatus,
  statusResponse,
} from './status-response.ts'
import { createRendering, parseIncludeObject } from './table.ts'

/** Removals that the object shows. */
const REMOVALS_SHOWN = 10
/** Left on the volume while a copy is on it. */
const ROOM_BYTES = 64 * 1_024 * 1_024

const RENDERED = { kind: 'AuditStore', columns: AUDIT_STORE_COLUMNS }

/** The Accept header of a request, and its parameter includeObject; empty when it has none. */
interface WantedForm {
  readonly accept: string | undefined
  readonly includeObject: string
}

const AS_OBJECT: WantedForm = { accept: undefined, includeObject: '' }

export interface AuditStoreDeps {
  readonly store: Pick<
    Store,
    'size' | 'copyTo' | 'noteBackup' | 'lastBackupAtMs' | 'checkedAtMs' | 'problem' | 'auditEvents'
  >
  readonly limits: RetentionLimits
  readonly recordings: Pick<KeptRecordings, 'read'>
  readonly databaseFile: string
  /** What the look for unseen edits found; undefined until it has ended. */
  readonly comparedEdits: () => ComparedEdits | undefined
  readonly readSpace: () => VolumeSpace
  readonly logger: Logger
  readonly clock: { now(): number }
}

/**
 * The resource `auditstores`, with one object: how the database is. Its subresource `log` is the database
 * itself, a copy as of one moment. The subresource has this name because kube-apiserver lets a request for
 * a `log` take as long as it takes, and ends others after a minute.
 */
export class AuditStoreResource {
  readonly #deps: AuditStoreDeps
  #copying = false

  constructor(deps: AuditStoreDeps) {
    this.#deps = deps
  }

  /** Whether a request is for this resource. */
  static serves({ resource }: RequestAttributes): boolean {
    return resource === AUDIT_STORES
  }

  /** Removes what a process that ended while it copied has left. */
  async clean(): Promise<void> {
    const folder = dirname(this.#deps.databaseFile)
    const prefix = copyPrefix(this.#deps.databaseFile)
    const left = (await readdir(folder)).filter((name) => name.startsWith(prefix))
    for (const name of left) await rm(join(folder, name), { force: true })
  }

  /**
   * Answers a request that was authorized, in the form that is wanted. Throws `request_invalid`, `overloaded` and
   * `audit_unavailable`.
   */
  async handle(
    attributes: RequestAttributes,
    outgoing: ServerResponse,
    { accept, includeObject }: WantedForm = AS_OBJECT,
  ): Promise<Response> {
    const { verb, namespace, name, subresource } = attributes
    if (namespace !== '') return statusResponse(pathNotFoundStatus())
    const form = negotiate(accept, ['object', 'Table', 'PartialObjectMetadata'])
    if (form === undefined && subresource === '') return statusResponse(notAcceptableStatus())
    const include = parseIncludeObject(includeObject)
    const now = () => this.#deps.clock.now()
    const rendering = createRendering(RENDERED, form ?? 'object', include, now)
    if (verb === 'list' && subresource === '') {
      return jsonResponse(rendering.list([await this.#object()], { resourceVersion: '' }))
    }
    if (verb !== 'get') return statusResponse(methodNotAllowedStatus())
    if (name !== AUDIT_STORE_NAME) return statusResponse(objectNotFoundStatus(attributes))
    if (subresource === '') return jsonResponse(rendering.one(await this.#object()))
    if (subresource !== 'log') return statusResponse(pathNotFoundStatus())
    await this.#sendCopy(outgoing)
    return RESPONSE_ALREADY_SENT
  }

  async #object(): Promise<AuditStoreObject> {
    const { store, limits } = this.#deps
    const { daysMax, bytesMax, freeBytesMin } = limits
    const { bytes, reusableBytes } = store.size()
    const [checkedAtMs, problem] = [store.checkedAtMs(), store.problem()]
    const backupAtMs = store.lastBackupAtMs()
    const oldestMs = await oldestDecidedAtMs(store.auditEvents)
    const edits = this.#deps.comparedEdits()
    const recordings = await this.#recordings()
    const removals = await store.auditEvents.removals(REMOVALS_SHOWN)
    return {
      ...{ apiVersion: ACCESS_API_VERSION, kind: 'AuditStore' },
      metadata: { name: AUDIT_STORE_NAME },
      spec: { retentionDays: daysMax, bytesMax, freeBytesMin },
      status: {
        ...{ bytes, reusableBytes, ...this.#volume() },
        ...(oldestMs === undefined ? {} : { oldestDecidedAt: toTime(oldestMs) }),
        ...(checkedAtMs === undefined ? {} : { checkedAt: toTime(checkedAtMs) }),
        ...(problem === undefined ? {} : { problem }),
        ...(backupAtMs === undefined ? {} : { lastBackupAt: toTime(backupAtMs) }),
        ...(edits === undefined ? {} : { edits: toEditsObject(edits) }),
        ...(recordings === undefined ? {} : { recordings }),
        removals: removals.map(toRemovalObject),
      },
    }
  }

  async #recordings(): Promise<AuditStoreObject['status']['recordings']> {
    try {
      return await this.#deps.recordings.read()
    } catch (error) {
      // Recorded: that they cannot be read is no reason to say nothing of the database.
      this.#deps.logger.error({ error }, 'Cannot look at the recordings')
      return undefined
    }
  }

  #volume(): Pick<AuditStoreObject['status'], 'volumeBytes' | 'volumeFreeBytes'> {
    try {
      const { bytes, freeBytes } = this.#deps.readSpace()
      return { volumeBytes: bytes, volumeFreeBytes: freeBytes }
    } catch {
      // Recorded as not known.
      return {}
    }
  }

  async #sendCopy(outgoing: ServerResponse): Promise<void> {
    if (this.#copying) throw new Fault('overloaded', 'The database is being copied already')
    this.#copying = true
    const { databaseFile, store, clock, logger } = this.#deps
    const path = join(dirname(databaseFile), `${copyPrefix(databaseFile)}${randomUUID()}`)
    try {
      this.#requireRoom(store.size())
      const { bytes, sha256 } = await store.copyTo(path)
      outgoing.writeHead(200, {
        'content-type': 'application/vnd.sqlite3',
        'content-length': bytes,
        'cache-control': 'no-cache, private',
        // RFC 9530
        'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      })
      await pipeline(createReadStream(path), outgoing)
      await store.noteBackup(clock.now())
      logger.info({ bytes, sha256 }, 'Sent a copy of the database')
    } catch (error) {
      if (!outgoing.headersSent) throw error
      // Recorded: the connection ends before all bytes were sent, which tells the client.
      logger.warn({ error }, 'Cannot send a copy of the database')
    } finally {
      this.#copying = false
      await rm(path, { force: true })
    }
  }

  #requireRoom({ bytes }: StoreSize): void {
    const { volumeFreeBytes = Number.POSITIVE_INFINITY } = this.#volume()
    const wanted = bytes + ROOM_BYTES
    if (volumeFreeBytes >= wanted) return
    const mebibytes = (count: number) => Math.ceil(count / 1_024 / 1_024)
    throw new Fault(
      'overloaded',
      `A copy needs ${mebibytes(wanted)} MiB on the volume of the database, where ${mebibytes(volumeFreeBytes)} MiB are free: enlarge it, or let fewer records be kept`,
    )
  }
}

const copyPrefix = (databaseFile: string) => `${basename(databaseFile)}.copy-`

async function oldestDecidedAtMs(events: AuditEventReader): Promise<number | undefined> {
  const page = await events.list({}, { afterSequence: 0, limit: 1 })
  return page.events[0]?.decidedAtMs
}

function toEditsObject({ comparedAtMs, objects, unseen, unknown }: ComparedEdits) {
  return { comparedAt: toTime(comparedAtMs), objects, unseen, unknown }
}

function toRemovalObject(removal: Removal): RemovalObject {
  const { reason, firstId, lastId, decisions, records, sha256 } = removal
  return {
    ...{ reason, firstId, lastId, decisions, records, sha256 },
    ...(removal.recordings === undefined ? {} : { recordings: removal.recordings }),
    removedAt: toTime(removal.removedAtMs),
    firstDecidedAt: toTime(removal.firstDecidedAtMs),
    lastDecidedAt: toTime(removal.lastDecidedAtMs),
  }
}
