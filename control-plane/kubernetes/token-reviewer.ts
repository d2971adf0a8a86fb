import type { AuthenticationV1Api } from '@kubernetes/client-node'
import { Fault } from '../../core/fault.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { CONTROL_PLANE_AUDIENCE } from '../../core/names.ts'
import { inTime } from './in-time.ts'

/**
 * Says whose token it is; `from` is the address of whoever shows it. Throws `identity_unverified`,
 * `upstream_unavailable` without an answer, or `overloaded`.
 */
export type TokenReviewer = (token: string, from?: string) => Promise<UserInfo>

/** Whoever shows a token waits for a few seconds, and then comes again. */
const REVIEW_MS_MAX = 4_000

/** Asks kube-apiserver about tokens of the control plane's audience. */
export function createTokenReviewer(
  api: Pick<AuthenticationV1Api, 'createTokenReview'>,
): TokenReviewer {
  return async function reviewToken(token) {
    if (token === '') throw new Fault('identity_unverified', 'The token is missing')
    const body = { spec: { token, audiences: [CONTROL_PLANE_AUDIENCE] } }
    const asked = inTime(api.createTokenReview({ body }), REVIEW_MS_MAX, 'review of a token')
    const review = await asked.catch((error: unknown) => {
      throw new Fault('upstream_unavailable', 'kube-apiserver did not review the token', {
        cause: error,
      })
    })
    const { status } = review
    // An authenticator that knows no audiences answers without any: that is not a yes.
    const ours = status?.audiences?.includes(CONTROL_PLANE_AUDIENCE) === true
    const username = status?.user?.username ?? ''
    if (status?.authenticated !== true || !ours || status.error || username === '') {
      throw new Fault('identity_unverified', 'The token is not one for the control plane')
    }
    const { uid = '', groups = [], extra = {} } = status.user ?? {}
    return { username, uid, groups, extra }
  }
}
