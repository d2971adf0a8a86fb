import type { AuditEventObject, ChainObject } from './access-objects.ts'
import type { AccessGrantObject, AccessRequestObject } from './access-request-object.ts'
import type { NotificationObject } from './notification-object.ts'
import type { SessionObject } from './session-object.ts'

/** What is listed and watched. */
export type AccessObject =
  | ChainObject
  | AuditEventObject
  | SessionObject
  | AccessRequestObject
  | AccessGrantObject
  | NotificationObject
