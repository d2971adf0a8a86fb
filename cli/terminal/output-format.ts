import { Document, Scalar, visit } from 'yaml'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { escapeJson, escapeText, isUnsafe } from '../../core/escape-text.ts'
import { ACCESS_GROUP } from '../../core/names.ts'

/** `-o`; undefined is the text that a person reads. */
export type OutputFormat = 'json' | 'yaml' | 'name' | 'wide' | undefined

/** Indented as kubectl does it. */
export function toJson(value: unknown): string {
  return `${escapeJson(JSON.stringify(value, undefined, 4))}\n`
}

/** One line, for streams. */
export function toJsonLine(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`
}

/** The value as one YAML document; what a terminal would obey stands in it as an escape. */
export function toYaml(value: unknown): string {
  const document = new Document(value)
  visit(document, {
    Scalar(_key, node) {
      // Only a double-quoted scalar can hold an escape.
      if (typeof node.value === 'string' && isUnsafe(node.value.replaceAll('\n', ''))) {
        node.type = Scalar.QUOTE_DOUBLE
      }
    },
  })
  return escapeJson(document.toString({ lineWidth: 0 }))
}

/** `chain.access.lanyard.dev/agent`, as `kubectl get -o name` has it; one line. */
export function objectName({ kind, metadata }: AccessObject): string {
  return `${kind.toLowerCase()}.${ACCESS_GROUP}/${escapeText(metadata.name)}\n`
}
