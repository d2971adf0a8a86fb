import { createHash } from 'node:crypto'
import type {
  AccessRequestContentObject,
  AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { Fault } from '../../core/fault.ts'

/** The bytes of the body that is to be sent. */
export function bodyOf({ body }: AccessRequestContentObject): Buffer {
  return Buffer.from(body.value, body.encoding === 'text' ? 'utf8' : 'base64')
}

/**
 * Throws `upstream_failed` unless the text and the body are those that the digest of the request stands for: nobody is
 * to approve other bytes than they were shown.
 */
export function checkContent(
  { spec }: AccessRequestObject,
  content: AccessRequestContentObject,
): void {
  const matches =
    content.digest === spec.digest &&
    sha256(content.canonical) === spec.digest &&
    sha256(bodyOf(content)) === digestInText(content.canonical)
  if (matches) return
  throw new Fault(
    'upstream_failed',
    'What was sent as the content of the request is not what its digest stands for: approve nothing, and tell an administrator',
  )
}

function digestInText(canonical: string): unknown {
  const parsed = JSON.parse(canonical) as { readonly body?: { readonly sha256?: unknown } }
  return parsed.body?.sha256
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
