import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { MaskProfile } from './mask-profile.ts'
import { answerForm, concerns } from './mask-rules.ts'

/** Where patterns of MaskProfiles are looked for: in every object but reviews. */
const EVERYWHERE = { apiGroup: '*', resource: '*' }

/** The MaskProfiles that have something to hide in the answer to a request. */
export function profilesAbout(
  profiles: readonly MaskProfile[],
  attributes: RequestAttributes,
): readonly MaskProfile[] {
  const form = answerForm(attributes)
  if (form === 'unknown') return []
  return profiles.filter((profile) => {
    const hidesTexts = profile.patterns.length > 0
    if (form === 'text') return hidesTexts
    return (hidesTexts && concerns(EVERYWHERE, attributes)) || hidesFields(profile, attributes)
  })
}

/** Whether a MaskProfile hides fields of the objects that a request is about. */
export function hidesFields(
  { fields }: MaskProfile,
  attributes: Pick<RequestAttributes, 'apiGroup' | 'resource'>,
): boolean {
  return fields.some((field) => concerns(field, attributes))
}
