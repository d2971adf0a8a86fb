import {
  type ContainerCommand,
  type PodTemplateBody,
  unreadableBody,
} from '../../core/commands/container-command.ts'
import { parseContainers } from '../../core/commands/parse-containers.ts'
import { parseJsonPatch } from '../../core/commands/parse-json-patch.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { FORMS, mediaTypeOf, readObject } from './read-object.ts'

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
  const read = await readObject(syntax, bytes)
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
