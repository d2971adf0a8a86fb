import { Document, Scalar, visit } from 'yaml'
import { escapeJson, isUnsafe } from './escape-text.ts'

/** `-o`; undefined is the text that a person reads. */
export type OutputFormat = 'json' | 'yaml' | 'wide' | undefined

/** Indented as kubectl does it. */
export function toJson(value: unknown): string {
  return `${escapeJson(JSON.stringify(value, undefined, 4))}\n`
}

/** One line, for streams. */
export function toJsonLine(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`
}

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
