import { setImmediate as letOthersRun } from 'node:timers/promises'
import { SESSION_COLUMNS } from '../../api/columns/session-columns.ts'
import { SESSIONS, type SessionObject } from '../../api/objects/session-object.ts'
import { isDecisionId } from '../../core/audit/decision-id.ts'
import { Fault } from '../../core/fault.ts'
import type { AuditEventReader } from '../store/audit-event-store.ts'
import type { Recording, RecordingFilter, RecordingStore } from '../store/recording-store.ts'
import {
  type ApiResource,
  type ChangeReader,
  isSelected,
  type ListPage,
  type ListRequest,
  type ObjectChange,
  pinnedNamespace,
  pinnedValue,
  READ_BATCH,
  type Selection,
} from './api-resource.ts'
import { toSessionObject } from './session-object.ts'

const FIELDS = {
  'metadata.name': ({ metadata }: SessionObject) => metadata.name,
  'metadata.namespace': ({ metadata }: SessionObject) => metadata.namespace,
  'spec.pod': ({ spec }: SessionObject) => spec.pod,
  'spec.rootRequester': ({ spec }: SessionObject) => spec.rootRequester,
  'spec.target': ({ spec }: SessionObject) => spec.target,
  'spec.subresource': ({ spec }: SessionObject) => spec.subresource,
  'status.phase': ({ status }: SessionObject) => status.phase,
}

/** What sessions are read from. */
export interface SessionSources {
  readonly recordings: RecordingStore
  readonly auditEvents: AuditEventReader
}

/** The recording of this name in a namespace; undefined when there is none. */
export async function findRecording(
  { recordings }: Pick<SessionSources, 'recordings'>,
  namespace: string,
  name: string,
): Promise<Recording | undefined> {
  const id = name.toUpperCase()
  const recording = isDecisionId(id) ? await recordings.get(id) : undefined
  return recording?.namespace === namespace ? recording : undefined
}

/** Resource `sessions`: one for each session that is or was recorded, in the namespace of the pod that asked. */
export function createSessionResource(sources: SessionSources): ApiResource<SessionObject> {
  const { recordings, auditEvents } = sources
  const toObject = async (recording: Recording) =>
    toSessionObject(recording, await auditEvents.get(recording.id))
  return {
    resource: SESSIONS,
    kind: 'Session',
    singular: 'session',
    columns: SESSION_COLUMNS,
    description: 'A session through a tunnel that is or was recorded.',
    fields: Object.keys(FIELDS),
    actions: {
      verbs: ['create', 'delete'],
      subresources: { recording: ['get'], log: ['get'], cut: ['create'], review: ['create'] },
      answers: { recording: 'stream', log: 'stream' },
    },
    async get(namespace, name) {
      const found = await findRecording(sources, namespace, name)
      return found === undefined ? undefined : toObject(found)
    },
    list: (selection, request) => listSessions(recordings, toObject, selection, request),
    bounds: async () => ({
      removedUntil: recordings.forgottenUntil(),
      newest: recordings.revision(),
    }),
    whyGone: async () => undefined,
    openChanges: async (selection, after) =>
      new SessionChanges(recordings, toObject, selection, after),
    onCommit: (listener) => recordings.onChange(listener),
  }
}

type ToObject = (recording: Recording) => Promise<SessionObject>

async function listSessions(
  recordings: RecordingStore,
  toObject: ToObject,
  selection: Selection,
  { limit, position, sinceMs = 0, untilMs = Infinity, tail }: ListRequest,
): Promise<ListPage<SessionObject>> {
  const revision = position?.revision ?? recordings.revision()
  const objects: SessionObject[] = []
  let afterSequence = position?.afterSequence ?? 0
  for (;;) {
    const batch = await recordings.list(toFilter(selection), afterSequence, READ_BATCH)
    for (const recording of batch) {
      const { beganAtMs, decisionSequence } = recording
      const wanted = beganAtMs >= sinceMs && beganAtMs < untilMs
      // Reads the decision, so only where the time fits.
      const object = wanted ? await toObject(recording) : undefined
      if (object !== undefined && isSelected(FIELDS, selection.requirements, object)) {
        if (tail === undefined && objects.length === limit) {
          return { objects, revision, next: { afterSequence, revision } }
        }
        objects.push(object)
      }
      if (objects.length > (tail ?? Infinity)) objects.shift()
      afterSequence = decisionSequence
    }
    if (batch.length < READ_BATCH) return { objects, revision }
    await letOthersRun()
  }
}

function toFilter(selection: Selection): RecordingFilter {
  const phase = pinnedValue(selection, 'status.phase')
  const filter = {
    namespace: pinnedNamespace(selection),
    pod: pinnedValue(selection, 'spec.pod'),
    rootRequester: pinnedValue(selection, 'spec.rootRequester'),
    live: phase === undefined ? undefined : phase === 'Live',
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

/** The changes of one watch: a session is added when the watcher sees it first. */
class SessionChanges implements ChangeReader<SessionObject> {
  readonly #recordings: RecordingStore
  readonly #toObject: ToObject
  readonly #selection: Selection
  readonly #known = new Set<string>()
  #cursor: number

  constructor(
    recordings: RecordingStore,
    toObject: ToObject,
    selection: Selection,
    afterRevision: number,
  ) {
    this.#recordings = recordings
    this.#toObject = toObject
    this.#selection = selection
    this.#cursor = afterRevision
  }

  know({ metadata }: SessionObject): void {
    this.#known.add(metadata.name)
  }

  async next() {
    const found = this.#recordings.changesAfter(this.#cursor)
    if (found === undefined) {
      throw new Fault('audit_unavailable', 'Changes of sessions were missed: list again')
    }
    const newest = new Map(found.map((change) => [change.id, change]))
    const changes: ObjectChange<SessionObject>[] = []
    for (const { id, gone } of newest.values()) {
      const recording = gone ?? (await this.#recordings.get(id))
      if (recording === undefined) continue
      const object = await this.#toObject(recording)
      if (!this.#isSelected(object)) continue
      changes.push({ type: this.#typeOf(object, gone !== undefined), object })
    }
    this.#cursor = Math.max(this.#cursor, ...found.map(({ revision }) => revision))
    return { changes, revision: this.#cursor, more: false }
  }

  #typeOf({ metadata }: SessionObject, isGone: boolean): ObjectChange<SessionObject>['type'] {
    if (isGone) {
      this.#known.delete(metadata.name)
      return 'DELETED'
    }
    if (this.#known.has(metadata.name)) return 'MODIFIED'
    this.#known.add(metadata.name)
    return 'ADDED'
  }

  #isSelected(object: SessionObject): boolean {
    const { namespace, requirements } = this.#selection
    const here = namespace === '' || namespace === object.metadata.namespace
    return here && isSelected(FIELDS, requirements, object)
  }
}
