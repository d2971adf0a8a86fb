import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { Fault } from '../../core/fault.ts'
import type { AuditEventFilter, AuditEventReader } from '../store/audit-event-store.ts'
import { toAuditEventObject } from './access-object.ts'
import { type ChangePage, type ChangeReader, READ_BATCH } from './api-resource.ts'
import { STRETCH } from './audit-event-scan.ts'

export interface AuditEventChangesOptions {
  readonly filter: AuditEventFilter
  readonly isSelected: (event: AuditEvent) => boolean
  readonly afterRevision: number
  /** Events up to this sequence were there when the watch began. */
  readonly knownSequence: number
}

/**
 * An event is added when it is seen first and modified when its outcome arrives. One that is seen
 * first with its outcome is added too, unless the watcher knows it from its list.
 */
export function createAuditEventChanges(
  events: AuditEventReader,
  options: AuditEventChangesOptions,
): ChangeReader<AuditEventObject> {
  let cursor = options.afterRevision
  /** Names of events that were shown without an outcome. Each leaves with its outcome. */
  const open = new Set<string>()

  /** Undefined for what the watcher has already. */
  function changeType(event: AuditEvent, name: string): 'ADDED' | 'MODIFIED' | undefined {
    if (event.outcome !== undefined) {
      return open.delete(name) || event.sequence <= options.knownSequence ? 'MODIFIED' : 'ADDED'
    }
    if (open.has(name)) return undefined
    open.add(name)
    return 'ADDED'
  }

  async function next(): Promise<ChangePage<AuditEventObject>> {
    const untilSequence = cursor + STRETCH
    const page = await events.changes(options.filter, {
      afterSequence: cursor,
      untilSequence,
      limit: READ_BATCH,
    })
    if (page.removedUntil > cursor) {
      throw new Fault('audit_unavailable', 'What comes next in this watch was removed: list again')
    }
    const changes = page.events.filter(options.isSelected).flatMap((event) => {
      const object = toAuditEventObject(event)
      const type = changeType(event, object.metadata.name)
      return type === undefined ? [] : [{ type, object }]
    })
    const isFull = page.events.length === READ_BATCH
    const last = page.events.at(-1)?.lastSequence ?? cursor
    // Onward though nothing was for this watcher: what was looked at is not looked at again.
    cursor = isFull ? last : Math.max(last, Math.min(untilSequence, page.sequence))
    return { changes, revision: cursor, more: isFull || cursor < page.sequence }
  }

  return {
    know({ metadata, status }) {
      if (status.phase === 'Open') open.add(metadata.name)
    },
    next,
  }
}
