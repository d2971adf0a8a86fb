import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { findNull } from '../../core/masking/find-null.ts'
import { judgeJsonPatch } from '../../core/masking/judge-json-patch.ts'
import { maskedPlaces } from '../../core/masking/mask-rules.ts'
import { findMaskToken, holdsMaskToken } from '../../core/masking/mask-token.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { FORMS, mediaTypeOf, readObject } from '../judgement/read-object.ts'

const MERGE_PATCHES = ['application/merge-patch+json', 'application/strategic-merge-patch+json']
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

/**
 * Looks into the body of a request to whose answer masks apply. Throws `permission_denied` where a mask token would be
 * written, or a JSON patch would tell what is hidden; `request_invalid` for a body that two readers could read
 * differently.
 */
export async function checkWriteBack(
  { names, profiles }: Pick<MaskOrder, 'names' | 'profiles'>,
  attributes: RequestAttributes,
  contentType: string | undefined,
  bytes: Buffer,
): Promise<void> {
  const mediaType = mediaTypeOf(contentType)
  if (mediaType === PROTOBUF) {
    // Texts and bytes stand in it as they are.
    if (holdsMaskToken(bytes.toString('latin1'))) throw writesToken('the body')
    return
  }
  const form = Object.hasOwn(FORMS, mediaType) ? FORMS[mediaType] : undefined
  if (form === undefined) {
    const shown = JSON.stringify(mediaType.slice(0, 128))
    throw invalid(`it is ${shown}; send application/json, or a patch as JSON or apply-patch+yaml`)
  }
  const [syntax] = form
  const read = await readObject(syntax, bytes)
  if ('problem' in read) throw invalid(read.problem)
  const at = findMaskToken(read.object)
  if (at !== undefined) throw writesToken(at)
  // Of credentials the place is not known, and nothing tells of them but the whole text around.
  const fields = profiles.map((profile) => ({ ...profile, patterns: [] }))
  if (syntax === 'json-patch') {
    const placed = names.filter((name) => name !== 'credentials')
    const told = judgeJsonPatch(read.object, maskedPlaces(placed, attributes, false, fields))
    if (told !== undefined) throw new Fault('permission_denied', `The patch is refused: ${told}`)
    return
  }
  // A merge patch removes by null what is named, and is meant so.
  if (MERGE_PATCHES.includes(mediaType)) return
  const hidden = findNull(
    read.object,
    maskedPlaces([], attributes, false, fields),
    syntax === 'yaml',
  )
  if (hidden !== undefined) throw writesNull(hidden)
}

function writesToken(at: string): Fault {
  return new Fault(
    'permission_denied',
    `${at} holds a mask token (lanyard-masked-…), which stands for a value that this chain must not see; storing the token would destroy the value. Send a patch with only the fields that are to change, or leave ${at} out`,
  )
}

function writesNull(at: string): Fault {
  return new Fault(
    'permission_denied',
    `${at} is null, as this chain is shown a number or true and false that it must not see; storing null would destroy the value. Send a merge patch with only the fields that are to change, or leave ${at} out`,
  )
}

function invalid(problem: string): Fault {
  return new Fault(
    'request_invalid',
    `What is written here is looked into, since its values are masked: ${problem}`,
  )
}
