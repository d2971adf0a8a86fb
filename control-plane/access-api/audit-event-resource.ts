import { AUDIT_EVENT_COLUMNS } from '../../api/columns/audit-event-columns.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import type { AuditEvent, Effect } from '../../core/audit/audit-event.ts'
import { Fault } from '../../core/fault.ts'
import type { AuditEventFilter, AuditEventReader } from '../store/audit-event-store.ts'
import { toAuditEventObject, toTime } from './access-object.ts'
import {
  type ApiResource,
  isSelected,
  type ListPage,
  type ListRequest,
  pinnedNamespace,
  pinnedValue,
  type Selection,
} from './api-resource.ts'
import { createAuditEventChanges } from './audit-event-changes.ts'
import { createAuditEventScan } from './audit-event-scan.ts'

const FIELDS = {
  'metadata.name': ({ metadata }: AuditEventObject) => metadata.name,
  'metadata.namespace': ({ metadata }: AuditEventObject) => metadata.namespace,
  'spec.rootRequester': ({ spec }: AuditEventObject) => spec.rootRequester,
  'spec.pod': ({ spec }: AuditEventObject) => spec.pod,
  'spec.effect': ({ spec }: AuditEventObject) => spec.effect,
  'spec.verb': ({ spec }: AuditEventObject) => spec.verb,
  'spec.resource': ({ spec }: AuditEventObject) => spec.resource,
}

/** Resource `auditevents`: one for each decision, in the namespace of the pod that asked. */
export function createAuditEventResource(events: AuditEventReader): ApiResource<AuditEventObject> {
  const newest = () => events.list({}, { afterSequence: Number.MAX_SAFE_INTEGER, limit: 1 })
  const revision = async () => (await newest()).sequence

  return {
    resource: 'auditevents',
    kind: 'AuditEvent',
    singular: 'auditevent',
    columns: AUDIT_EVENT_COLUMNS,
    description: 'One decision about one API request of a pod, and what became of the request.',
    fields: Object.keys(FIELDS),
    async get(namespace, name) {
      const event = await events.get(name.toUpperCase())
      const found = event !== undefined && event.caller.namespace === namespace
      return found ? toAuditEventObject(event) : undefined
    },
    async list(selection, request) {
      // Read first: a watch from it then tells of everything that the list may have missed.
      const listed = request.position?.revision ?? (await revision())
      const name = pinnedValue(selection, 'metadata.name')
      if (name !== undefined) return listNamed(events, selection, name, listed)
      return request.tail === undefined
        ? listForward(events, selection, request, listed)
        : listNewest(events, selection, request, request.tail, listed)
    },
    async bounds() {
      const { removedUntil, sequence } = await newest()
      return { removedUntil, newest: sequence }
    },
    whyGone: (name) => whyGone(events, name),
    async openChanges(selection, afterRevision) {
      // A revision does not say which records a list has shown. Only when none was added since, all are old.
      const current = afterRevision === (await revision())
      const scan = createAuditEventScan(events, {}, () => true)
      return createAuditEventChanges(events, {
        filter: toFilter(selection),
        isSelected: (event) => isEventSelected(selection, event),
        afterRevision,
        knownSequence: current ? await scan.highestSequence() : 0,
      })
    },
    onCommit: (listener) => events.onCommit(listener),
  }
}

function isEventSelected(selection: Selection, event: AuditEvent): boolean {
  return isSelected(FIELDS, selection.requirements, toAuditEventObject(event))
}

/** At most one event has a name, so the log is not searched for it. */
async function listNamed(
  events: AuditEventReader,
  selection: Selection,
  name: string,
  revision: number,
): Promise<ListPage<AuditEventObject>> {
  const event = await events.get(name.toUpperCase())
  const selected =
    event !== undefined &&
    (selection.namespace === '' || selection.namespace === event.caller.namespace) &&
    isEventSelected(selection, event)
  return { objects: selected ? [toAuditEventObject(event)] : [], revision }
}

async function listForward(
  events: AuditEventReader,
  selection: Selection,
  { limit, position, sinceMs = 0, untilMs = Infinity, after }: ListRequest,
  revision: number,
): Promise<ListPage<AuditEventObject>> {
  const scan = createAuditEventScan(events, toFilter(selection), (event) =>
    isEventSelected(selection, event),
  )
  const first = async () =>
    Math.max(
      sinceMs === 0 ? 0 : await scan.sequenceBefore(sinceMs),
      after === undefined ? 0 : await sequenceOf(events, selection, after),
    )
  let afterSequence = position?.afterSequence ?? (await first())
  const last = untilMs === Infinity ? Infinity : await scan.sequenceUntil(untilMs)
  const objects: AuditEventObject[] = []
  let full = false
  await scan.forward(afterSequence, position?.untilSequence ?? last, (event) => {
    full = objects.length === limit
    if (full) return false
    const { decidedAtMs } = event
    if (decidedAtMs >= sinceMs && decidedAtMs < untilMs) objects.push(toAuditEventObject(event))
    afterSequence = event.sequence
    return true
  })
  if (!full) return { objects, revision }
  const untilSequence = position?.untilSequence ?? Math.min(last, await scan.highestSequence())
  return { objects, revision, next: { afterSequence, revision, untilSequence } }
}

/** Decisions are removed from the oldest on, so whatever is still on record was recorded after a removed one. */
async function whyGone(events: AuditEventReader, name: string): Promise<string | undefined> {
  const id = name.toUpperCase()
  const [removal] = await events.removals(1)
  if (removal === undefined || id > removal.lastId || (await events.get(id)) !== undefined) {
    return undefined
  }
  const until = toTime(removal.lastDecidedAtMs)
  return `decision ${JSON.stringify(name.slice(0, 64))} was removed, with all decisions up to ${until}: list without after, since what is still on record was recorded later`
}

/** Throws `request_invalid` for what is not on record, or not among what the list is about. */
async function sequenceOf(
  events: AuditEventReader,
  { namespace }: Selection,
  name: string,
): Promise<number> {
  const event = await events.get(name.toUpperCase())
  if (event !== undefined && (namespace === '' || namespace === event.caller.namespace)) {
    return event.sequence
  }
  throw new Fault(
    'request_invalid',
    `No decision ${JSON.stringify(name.slice(0, 64))} is on record here, so nothing comes after it: list from a time instead`,
  )
}

async function listNewest(
  events: AuditEventReader,
  selection: Selection,
  { sinceMs, untilMs, after }: ListRequest,
  tail: number,
  revision: number,
): Promise<ListPage<AuditEventObject>> {
  if (untilMs !== undefined || after !== undefined) {
    throw new Fault('request_invalid', 'A tail goes with neither untilTime nor after')
  }
  const scan = createAuditEventScan(events, toFilter(selection), (event) =>
    isEventSelected(selection, event),
  )
  const newest = await scan.newest(tail, sinceMs)
  return { objects: newest.map(toAuditEventObject), revision }
}

const EFFECTS: Readonly<Record<string, Effect>> = { Allow: 'allow', Hold: 'hold', Deny: 'deny' }

/** What the store itself can select; the rest is looked at afterwards. */
function toFilter(selection: Selection): AuditEventFilter {
  const effect = pinnedValue(selection, 'spec.effect')
  if (effect !== undefined && EFFECTS[effect] === undefined) {
    throw new Fault('request_invalid', 'The field spec.effect is Allow, Hold or Deny')
  }
  const filter = {
    namespace: pinnedNamespace(selection),
    pod: pinnedValue(selection, 'spec.pod'),
    rootRequester: pinnedValue(selection, 'spec.rootRequester'),
    effect: effect === undefined ? undefined : EFFECTS[effect],
    verb: pinnedValue(selection, 'spec.verb'),
    resource: pinnedValue(selection, 'spec.resource'),
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}
