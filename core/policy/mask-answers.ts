import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { type MaskName, masksAbout } from '../masking/mask-rules.ts'
import type { AccessPolicy } from './access-policy.ts'
import type { Decision } from './decision.ts'
import { ruleMasks } from './match-rule.ts'
import { NO_OBLIGATIONS, type Obligations, unionOf } from './obligations.ts'
import { rulesAbout } from './rules-about.ts'

/** What the masks of policies ask for of the answer to a request that may pass, by whatever rule it may. */
export function masksOf(
  policies: readonly AccessPolicy[],
  attributes: RequestAttributes,
): Obligations {
  const masking = policies
    .flatMap(({ rules }) => rulesAbout(rules, attributes))
    .filter((rule) => ruleMasks(rule, attributes))
    .flatMap(({ obligations }) => obligations.mask)
  const mask = masksAbout(masking, attributes)
  return mask.length === 0 ? NO_OBLIGATIONS : unionOf([{ ...NO_OBLIGATIONS, mask }])
}

/** The decision about a request, whose answer is masked by at least these masks. */
export function withMasks(
  decision: Decision,
  attributes: RequestAttributes,
  names: readonly MaskName[],
): Decision {
  if (decision.effect === 'deny' || names.length === 0) return decision
  const mask = masksAbout(names, attributes)
  if (mask.length === 0) return decision
  const obligations = unionOf([decision.obligations, { ...NO_OBLIGATIONS, mask }])
  return { ...decision, obligations }
}
