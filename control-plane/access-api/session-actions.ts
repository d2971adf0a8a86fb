import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { ulid } from 'ulid'
import { SESSIONS } from '../../api/objects/session-object.ts'
import { Fault } from '../../core/fault.ts'
import { isTrue } from '../../core/kubernetes/query-values.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { LiveRecordings } from '../services/live-recordings.ts'
import type { RecordingRoom } from '../services/recording-room.ts'
import type { Recording } from '../store/recording-store.ts'
import { ImportedCast } from './imported-cast.ts'
import { readReason } from './read-reason.ts'
import { type RecordingForm, streamRecording } from './recording-stream.ts'
import { toSessionObject } from './session-object.ts'
import { findRecording, type SessionSources } from './session-resource.ts'
import {
  jsonResponse,
  methodNotAllowedStatus,
  objectNotFoundStatus,
  pathNotFoundStatus,
  statusResponse,
} from './status-response.ts'

/** Recordings that are read at the same time; each holds a segment. */
const STREAMS_MAX = 64
/** Files that are imported at the same time; each holds a segment. */
const IMPORTS_MAX = 2
const SOURCE_MAX = 512

export interface SessionActionsDeps extends SessionSources {
  readonly live: Pick<LiveRecordings, 'cut'>
  readonly room: Pick<RecordingRoom, 'checkImport' | 'checkGoOn'>
  readonly clock: { now(): number }
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal
}

/** One request about one session, after it was authenticated and authorized. */
export interface SessionRequest {
  readonly requestInfo: RequestInfo
  readonly user: UserInfo
  readonly accept: string | undefined
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  /** Asks again whether the user may do this. */
  readonly mayGoOn: () => Promise<boolean>
}

/**
 * What is done with a session besides reading its object: its recording (`recording`, and `log`, which kube-apiserver
 * lets take as long as it takes), `cut`, `review`, and delete; and the import of a session that was recorded elsewhere.
 */
export class SessionActions {
  readonly #deps: SessionActionsDeps
  #streams = 0
  #imports = 0

  constructor(deps: SessionActionsDeps) {
    this.#deps = deps
  }

  /** Whether a request is one of them. */
  static serves({ resource, subresource, verb }: RequestAttributes): boolean {
    return resource === SESSIONS && (subresource !== '' || verb === 'delete' || verb === 'create')
  }

  /** Answers. Throws `request_invalid`, `overloaded`, `binding_conflict` and what the store throws. */
  async handle(request: SessionRequest): Promise<Response> {
    const { attributes } = request.requestInfo
    const { namespace, name, verb, subresource } = attributes
    if (subresource === '' && verb === 'create') return this.#import(namespace, request)
    const recording = await findRecording(this.#deps, namespace, name)
    if (recording === undefined) return statusResponse(objectNotFoundStatus(attributes))
    switch (`${verb} ${subresource}`) {
      case 'get recording':
      case 'get log':
        return this.#stream(recording, request)
      case 'create cut':
        return this.#cut(recording, request)
      case 'create review':
        return this.#review(recording, request)
      case 'delete ':
        return this.#remove(recording, request)
      default:
        return ACTIONS.includes(subresource)
          ? statusResponse(methodNotAllowedStatus())
          : statusResponse(pathNotFoundStatus())
    }
  }

  async #stream(recording: Recording, request: SessionRequest): Promise<Response> {
    if (this.#streams >= STREAMS_MAX) {
      throw new Fault('overloaded', `${STREAMS_MAX} recordings are being read already; try again`)
    }
    const { query } = request.requestInfo
    const value = (key: string) => query.find(([candidate]) => candidate === key)?.[1]
    const form = toForm(value('format'), request.accept)
    this.#streams += 1
    try {
      const { recordings, auditEvents, clock, stopping } = this.#deps
      // On record before the first byte is sent.
      const reader = { username: request.user.username, atMs: clock.now() }
      await recordings.noteReader(recording.id, reader)
      await streamRecording(request.outgoing, {
        ...{ recordings, recording, form, stopping, mayGoOn: request.mayGoOn },
        session: toSessionObject(recording, await auditEvents.get(recording.id)),
        follow: isTrue(value('follow')),
      })
    } finally {
      this.#streams -= 1
    }
    return RESPONSE_ALREADY_SENT
  }

  /** Keeps an asciicast. What it says of itself is kept as its word, and nothing else of the session is known. */
  async #import(namespace: string, request: SessionRequest): Promise<Response> {
    if (namespace === '') return statusResponse(methodNotAllowedStatus())
    if (this.#imports >= IMPORTS_MAX) {
      throw new Fault('overloaded', `${IMPORTS_MAX} files are being imported already; try again`)
    }
    const { incoming, user, requestInfo } = request
    const source = requestInfo.query.find(([key]) => key === 'source')?.[1] ?? ''
    if (source.length > SOURCE_MAX) {
      throw new Fault('request_invalid', `The source has at most ${SOURCE_MAX} characters`)
    }
    const { recordings, room, clock } = this.#deps
    this.#imports += 1
    try {
      await room.checkImport()
      const atMs = clock.now()
      const origin = { id: ulid(atMs), namespace, username: user.username, atMs, source }
      const cast = new ImportedCast(origin, incoming, () => room.checkGoOn())
      const recording = await recordings.import(cast)
      return jsonResponse(toSessionObject(recording, undefined), { status: 201 })
    } finally {
      this.#imports -= 1
    }
  }

  async #cut({ id, end }: Recording, { incoming, user }: SessionRequest): Promise<Response> {
    const said = await readReason(incoming)
    const reason = `${user.username} ended this session${said === '' ? '' : `: ${said}`}`
    if (end !== undefined || !this.#deps.live.cut(id, { ending: 'cut', reason })) {
      throw new Fault('binding_conflict', 'The session is not live, so there is nothing to cut')
    }
    return this.#object(id)
  }

  async #review({ id }: Recording, { user }: SessionRequest): Promise<Response> {
    const { recordings, clock } = this.#deps
    await recordings.review(id, { username: user.username, atMs: clock.now() })
    return this.#object(id)
  }

  async #remove(recording: Recording, { user }: SessionRequest): Promise<Response> {
    const { recordings, auditEvents, clock } = this.#deps
    const event = await auditEvents.get(recording.id)
    await recordings.remove(recording.id, { username: user.username, atMs: clock.now() })
    return jsonResponse(toSessionObject(recording, event))
  }

  async #object(id: string): Promise<Response> {
    const { recordings, auditEvents } = this.#deps
    const recording = await recordings.get(id)
    if (recording === undefined) throw new Fault('not_found', 'The session is gone')
    return jsonResponse(toSessionObject(recording, await auditEvents.get(id)), { status: 201 })
  }
}

const ACTIONS = ['recording', 'log', 'cut', 'review']

/** Throws `request_invalid` for another format than the two. */
function toForm(format: string | undefined, accept = ''): RecordingForm {
  if (format === 'asciicast' || format === 'events') return format
  if (format !== undefined && format !== '') {
    throw new Fault('request_invalid', 'The format of a recording is events or asciicast')
  }
  return accept.includes('application/x-asciicast') ? 'asciicast' : 'events'
}
