import { Fault } from '../../core/fault.ts'
import { isMaskProfileId, type MaskDefinition } from '../../core/masking/mask-profile.ts'
import type { Decision } from '../../core/policy/decision.ts'
import type { JudgeDeps } from './judge-chain.ts'

/** What the MaskProfiles say that a decision names. Throws when one has changed since it was judged. */
export function definitionsOf(
  { facts }: Pick<JudgeDeps, 'facts'>,
  decision: Decision | undefined,
): { readonly profiles?: readonly MaskDefinition[] } {
  if (decision?.effect !== 'allow') return {}
  const ids = decision.obligations.mask.filter(isMaskProfileId)
  if (ids.length === 0) return {}
  const profiles = ids.map((id) => facts.maskProfile(id))
  const known = profiles.filter((profile) => profile !== undefined)
  if (known.length < ids.length)
    throw new Fault('decision_unavailable', 'A MaskProfile has changed just now; try again')
  return { profiles: known.map(({ id, definition }) => ({ id, definition })) }
}
