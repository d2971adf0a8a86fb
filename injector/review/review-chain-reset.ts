import { z } from 'zod'
import { CHAIN_RESETS, type ChainResetTarget } from '../../core/chain-reset.ts'
import { Fault } from '../../core/fault.ts'
import { apiVersionOf, WORKLOAD_KINDS } from '../../core/kubernetes/workload-kinds.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  type Review,
  refused,
} from '../admission/admission-review.ts'
import type { ChainClient } from '../chains/chain-client.ts'

const chainReset = z.object({
  spec: z.object({
    target: z.object({
      apiVersion: z.string().min(1),
      kind: z.string().min(1),
      name: z.string().min(1),
      uid: z.string().min(1),
      generation: z.int().min(1),
    }),
  }),
  status: z.object({ phase: z.string(), by: z.string() }).optional(),
})

/** Whether somebody asks that the chain of a workload begins again. */
export function isChainReset({
  kind,
  resource,
  subresource,
  operation,
}: AdmissionRequest): boolean {
  const whole = kind.group === LANYARD_GROUP && resource === CHAIN_RESETS && subresource === ''
  return whole && operation === 'CREATE'
}

/** Mutating admission: who asks is written into the object, since no other field of it says so. */
export function mutateChainReset({ user }: AdmissionRequest): Review {
  const value = { phase: 'Done', by: user.username }
  return { result: 'patched', patch: [{ op: 'add', path: '/status', value }] }
}

/**
 * Validating admission: whoever asks becomes the root requester of the workload, by its UID. What the
 * object says of them was written by mutating admission, or it is refused.
 */
export async function validateChainReset(
  request: AdmissionRequest,
  chains: Pick<ChainClient, 'resetChain'>,
): Promise<Review> {
  const parsed = chainReset.safeParse(request.object)
  if (!parsed.success) {
    throw new Fault('request_invalid', 'spec.target does not say which object', {
      cause: parsed.error,
    })
  }
  const { spec, status } = parsed.data
  if (status?.by !== request.user.username) {
    return refused('the reset does not say who asks; is the webhook of lanyard-injector there?')
  }
  const why = whyNotResettable(spec.target)
  if (why !== undefined) return refused(why)
  await chains.resetChain(request, spec.target)
  return ALLOWED
}

function whyNotResettable({ apiVersion, kind }: ChainResetTarget): string | undefined {
  const known = WORKLOAD_KINDS.some((one) => one.kind === kind && apiVersionOf(one) === apiVersion)
  const names = WORKLOAD_KINDS.map((one) => `${apiVersionOf(one)} ${one.kind}`).join(', ')
  return known ? undefined : `only what makes pods has a chain to reset: ${names}`
}
