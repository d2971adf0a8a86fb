import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { SESSIONS } from '../../api/objects/session-object.ts'
import { Fault } from '../../core/fault.ts'
import { isTrue } from '../../core/kubernetes/query-values.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { LiveRecordings } from '../services/live-recordings.ts'
import type { Recording } from '../store/recording-store.ts'
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

export interface SessionActionsDeps extends SessionSources {
  readonly live: Pick<LiveRecordings, 'cut'>
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
 * lets take as long as it takes), `cut`, `review`, and delete.
 */
export class SessionActions {
  readonly #deps: SessionActionsDeps
  #streams = 0

  constructor(deps: SessionActionsDeps) {
    this.#deps = deps
  }

  /** Whether a request is one of them. */
  static serves({ resource, subresource, verb }: RequestAttributes): boolean {
    return resource === SESSIONS && (subresource !== '' || verb === 'delete')
  }

  /** Answers. Throws `request_invalid`, `overloaded`, `binding_conflict` and what the store throws. */
  async handle(request: SessionRequest): Promise<Response> {
    const { attributes } = request.requestInfo
    const { namespace, name, verb, subresource } = attributes
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
