import type { AuditEventObject } from '../objects/access-objects.ts'
import { toKubernetesAuditEvent } from './kubernetes-audit-event.ts'
import { toOcsfApiActivity } from './ocsf-api-activity.ts'

/** A form in which a decision leaves Lanyard: one JSON object for each. */
export interface AuditForm {
  /** The decision in this form; nothing of its `spec` and `status` is lost. */
  toObject(event: AuditEventObject): unknown
  /** The id of the decision, from what `toObject` made; undefined for anything else. */
  idOf(value: unknown): string | undefined
}

/** Every form, by the name that a user gives it. */
export const AUDIT_FORMS = {
  lanyard: {
    toObject: (event) => event,
    idOf: (value) => textAt(value, 'metadata', 'uid'),
  },
  'audit.k8s.io': {
    toObject: toKubernetesAuditEvent,
    idOf: (value) => textAt(value, 'auditID'),
  },
  ocsf: {
    toObject: toOcsfApiActivity,
    idOf: (value) => textAt(value, 'metadata', 'uid'),
  },
} as const satisfies Readonly<Record<string, AuditForm>>

export type AuditFormName = keyof typeof AUDIT_FORMS

/** The name of the form that an object is in; undefined when it is in none. */
export function formOf(value: unknown): AuditFormName | undefined {
  const names = Object.keys(AUDIT_FORMS) as readonly AuditFormName[]
  return names.find((name) => MARKS[name](value) && AUDIT_FORMS[name].idOf(value) !== undefined)
}

const MARKS: Readonly<Record<AuditFormName, (value: unknown) => boolean>> = {
  lanyard: (value) => textAt(value, 'kind') === 'AuditEvent',
  'audit.k8s.io': (value) => textAt(value, 'kind') === 'Event',
  ocsf: (value) => (value as { readonly class_uid?: unknown } | null)?.class_uid === 6003,
}

/** A text deep in an object; undefined when there is none. */
function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Readonly<Record<string, unknown>>)[key]
  }
  return typeof found === 'string' && found !== '' ? found : undefined
}
