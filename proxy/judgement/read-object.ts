import type { BodyForm } from '../../core/commands/parse-containers.ts'
import { hasDuplicateKey } from '../../core/kubernetes/has-duplicate-key.ts'
import { readYaml } from './read-yaml.ts'

/** How a body is written. */
export type Syntax = 'json' | 'yaml' | 'json-patch'

/**
 * Media types whose bodies are read, and whether they hold an object or a patch of one. A merge patch replaces lists
 * as a whole. Source: Kubernetes v1.34 apimachinery/pkg/types/patch.go and pkg/runtime/serializer.
 */
export const FORMS: Readonly<Record<string, readonly [Syntax, BodyForm]>> = {
  '': ['json', 'whole'],
  'application/json': ['json', 'whole'],
  'application/yaml': ['yaml', 'whole'],
  'application/merge-patch+json': ['json', 'whole'],
  'application/strategic-merge-patch+json': ['json', 'patch'],
  'application/json-patch+json': ['json-patch', 'patch'],
  'application/apply-patch+yaml': ['yaml', 'patch'],
}

/** The media type of a Content-Type header, in lower case; empty without one. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/**
 * Reads the object, or the list of operations, of a body. `problem` says in words why there is none that every reader
 * would read alike. Of YAML every plain scalar is a text.
 */
export async function readObject(
  syntax: Syntax,
  bytes: Uint8Array,
): Promise<{ readonly object: unknown } | { readonly problem: string }> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Converted: Go would put another character in the place of what is not one.
    return { problem: 'the body is not UTF-8; send it as UTF-8' }
  }
  // Most YAML that clients send is JSON; some letters end lines in YAML only.
  const isJson = syntax !== 'yaml' || !/(?![\t\n\r])[\p{Cc}\u2028\u2029\uFEFF]|"<<"/u.test(text)
  const object = isJson ? parseJson(text) : undefined
  if (object === undefined)
    return syntax === 'yaml'
      ? readYaml(text)
      : { problem: 'the body is not plain JSON; send one JSON object' }
  if (hasDuplicateKey(text))
    return { problem: 'the body has one key twice in an object; send each key once' }
  return { object: object.value }
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    // Converted: it is not JSON.
    return undefined
  }
}
