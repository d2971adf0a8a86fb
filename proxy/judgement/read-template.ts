import {
  type ContainerCommand,
  type PodTemplateBody,
  unreadableBody,
} from '../../core/commands/container-command.ts'
import { type BodyForm, parseContainers } from '../../core/commands/parse-containers.ts'
import { parseJsonPatch } from '../../core/commands/parse-json-patch.ts'
import { hasDuplicateKey } from '../../core/kubernetes/has-duplicate-key.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { readYaml } from './read-yaml.ts'

type Syntax = 'json' | 'yaml' | 'json-patch'

/**
 * Media types whose bodies are read, and whether they hold an object or a patch of one. A merge patch replaces lists
 * as a whole. Source: Kubernetes v1.34 apimachinery/pkg/types/patch.go and pkg/runtime/serializer.
 */
const FORMS: Readonly<Record<string, readonly [Syntax, BodyForm]>> = {
  '': ['json', 'whole'],
  'application/json': ['json', 'whole'],
  'application/yaml': ['yaml', 'whole'],
  'application/merge-patch+json': ['json', 'whole'],
  'application/strategic-merge-patch+json': ['json', 'patch'],
  'application/json-patch+json': ['json-patch', 'patch'],
  'application/apply-patch+yaml': ['yaml', 'patch'],
}

function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** Why a body of this media type is not read; undefined where it is. */
export function whyUnread(contentType: string | undefined): PodTemplateBody | undefined {
  const mediaType = mediaTypeOf(contentType)
  if (Object.hasOwn(FORMS, mediaType)) return undefined
  return unreadableBody(
    `what pods would run is not read from a body of ${JSON.stringify(mediaType.slice(0, 128))}; send it as application/json or application/yaml, a patch as JSON or apply-patch+yaml`,
    true,
  )
}

/** Reads what the pods would run that an object of this request makes. Never throws. */
export async function readTemplate(
  { subresource }: Pick<RequestAttributes, 'subresource'>,
  contentType: string | undefined,
  bytes: Uint8Array,
): Promise<PodTemplateBody> {
  const [syntax, form] = FORMS[mediaTypeOf(contentType)] ?? ['json', 'whole']
  const read = await readBody(syntax, bytes)
  if ('problem' in read) return unreadableBody(read.problem)
  // The other containers of a pod that is there do not change.
  const lists = subresource === 'ephemeralcontainers' ? ['ephemeralContainers'] : undefined
  const commands: readonly ContainerCommand[] | string =
    syntax === 'json-patch'
      ? parseJsonPatch(read.object, lists)
      : parseContainers(read.object, form, lists)
  if (typeof commands === 'string') return unreadableBody(commands)
  return { commands, problem: '', wrongMediaType: false }
}

async function readBody(
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
