import { NOTIFICATION_COLUMNS } from '../../api/columns/notification-columns.ts'
import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import { NOTIFICATIONS, type NotificationObject } from '../../api/objects/notification-object.ts'
import { escapeTexts } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { Notification, NotificationLog } from '../notifications/notification-log.ts'
import { toTime } from './access-object.ts'
import {
  type ApiResource,
  type ChangeReader,
  isSelected,
  type ObjectChange,
  type Selection,
} from './api-resource.ts'
import { isInNamespace } from './list-by-name.ts'

const FIELDS = {
  'metadata.name': ({ metadata }: NotificationObject) => metadata.name,
  'metadata.namespace': ({ metadata }: NotificationObject) => metadata.namespace,
  'spec.webhook': ({ spec }: NotificationObject) => spec.webhook,
  'spec.request': ({ spec }: NotificationObject) => spec.request,
  'status.phase': ({ status }: NotificationObject) => status.phase,
}

/** Resource `notifications`: notices to webhooks since the control plane started, in the namespace of the request. */
export function createNotificationResource(log: NotificationLog): ApiResource<NotificationObject> {
  return {
    resource: NOTIFICATIONS,
    kind: 'Notification',
    singular: 'notification',
    columns: NOTIFICATION_COLUMNS,
    description: 'A notice to a webhook, since the control plane started.',
    fields: Object.keys(FIELDS),
    async get(namespace, name) {
      const found = log.get(name)
      return found?.namespace === namespace ? toNotificationObject(found) : undefined
    },
    async list(selection, { limit, position, sinceMs = 0, untilMs = Infinity, tail }) {
      const revision = position?.revision ?? log.revision()
      const found = log
        .list(position?.afterSequence ?? 0)
        .filter(({ createdAtMs }) => createdAtMs >= sinceMs && createdAtMs < untilMs)
        .map((entry) => ({ entry, object: toNotificationObject(entry) }))
        .filter(({ object }) => isWanted(selection, object))
      const page = tail === undefined ? found.slice(0, limit) : found.slice(-tail)
      const objects = page.map(({ object }) => object)
      const last = page.at(-1)?.entry.sequence ?? 0
      const more = tail === undefined && found.length > limit
      return { objects, revision, ...(more ? { next: { afterSequence: last, revision } } : {}) }
    },
    bounds: async () => ({ removedUntil: log.forgottenUntil(), newest: log.revision() }),
    whyGone: async () => undefined,
    openChanges: async (selection, after) => new NotificationChanges(log, selection, after),
    onCommit: (listener) => log.onChange(listener),
  }
}

/** The changes of one watch: a notification is added when the watcher sees it first. */
class NotificationChanges implements ChangeReader<NotificationObject> {
  readonly #log: NotificationLog
  readonly #selection: Selection
  readonly #known = new Set<string>()
  #cursor: number

  constructor(log: NotificationLog, selection: Selection, afterRevision: number) {
    this.#log = log
    this.#selection = selection
    this.#cursor = afterRevision
  }

  know({ metadata }: NotificationObject): void {
    this.#known.add(metadata.name)
  }

  async next() {
    const found = this.#log.changesAfter(this.#cursor)
    if (found === undefined) {
      throw new Fault('audit_unavailable', 'Changes of notifications were missed: list again')
    }
    const changes = found.flatMap(({ notification, gone }) => {
      const object = toNotificationObject(notification)
      return isWanted(this.#selection, object) ? [this.#toChange(object, gone)] : []
    })
    this.#cursor = found.at(-1)?.revision ?? this.#cursor
    return { changes, revision: this.#cursor, more: false }
  }

  #toChange(object: NotificationObject, gone: boolean): ObjectChange<NotificationObject> {
    const { name } = object.metadata
    if (gone) {
      this.#known.delete(name)
      return { type: 'DELETED', object }
    }
    const type = this.#known.has(name) ? 'MODIFIED' : 'ADDED'
    this.#known.add(name)
    return { type, object }
  }
}

function isWanted(selection: Selection, object: NotificationObject): boolean {
  return isInNamespace(selection, object) && isSelected(FIELDS, selection.requirements, object)
}

function toNotificationObject(entry: Notification): NotificationObject {
  const { name, namespace, revision, createdAtMs, webhook, type, request } = entry
  const { phase, attempts, lastAttemptAtMs, nextAttemptAtMs, reason } = entry
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'Notification',
    metadata: {
      ...{ name, namespace, uid: name, resourceVersion: String(revision) },
      creationTimestamp: toTime(createdAtMs),
    },
    spec: { webhook, type, request },
    status: {
      ...{ phase, attempts },
      ...(lastAttemptAtMs === undefined ? {} : { lastAttemptAt: toTime(lastAttemptAtMs) }),
      ...(nextAttemptAtMs === undefined ? {} : { nextAttemptAt: toTime(nextAttemptAtMs) }),
      ...(reason === '' ? {} : { reason }),
    },
  })
}
