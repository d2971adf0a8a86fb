import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import { type GroupVersionKind, list, object, type Schema, text } from './schema-parts.ts'

/** Which kind a definition describes, as `x-kubernetes-group-version-kind` names it. */
export function groupVersionKind(kind: string): GroupVersionKind {
  return { group: ACCESS_GROUP, version: ACCESS_VERSION, kind }
}

/** Name of a definition: the group backwards, as Kubernetes names its own. */
export function definitionName(kind: string): string {
  return `dev.lanyard.access.${ACCESS_VERSION}.${kind}`
}

/** Writes a reference to a definition: the two versions of OpenAPI differ. */
export type RefTo = (definition: string, description?: string) => Schema

/** The same for a kind of this API. */
export type Ref = (kind: string, description?: string) => Schema

/** A kind that is served. */
export function top(kind: string, description: string, properties: Record<string, Schema>): Schema {
  return {
    ...object(description, { ...TYPE_META, ...properties }),
    'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
  }
}

const TYPE_META: Record<string, Schema> = {
  apiVersion: text('Version of this form of the object.'),
  kind: text('Kind of the object.'),
}

/** The list of a kind that is served. */
export function listOf(kind: string, ref: Ref): Schema {
  return {
    ...top(`${kind}List`, `A list of ${kind} objects.`, {
      metadata: ref('ListMeta'),
      items: list('The objects.', ref(kind)),
    }),
    required: ['items'],
  }
}
