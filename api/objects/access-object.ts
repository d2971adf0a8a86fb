import type { AuditEventObject, ChainObject } from './access-objects.ts'
import type { SessionObject } from './session-object.ts'

/** What is listed and watched. */
export type AccessObject = ChainObject | AuditEventObject | SessionObject
