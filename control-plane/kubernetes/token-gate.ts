import { createHash } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { CONTROL_PLANE_AUDIENCE } from '../../core/names.ts'
import { FairQueue } from '../fairness/fair-queue.ts'
import { createTokenReviewer, type TokenReviewer } from './token-reviewer.ts'

/**
 * A TokenReview costs kube-apiserver a signature and etcd a read; a few at the same time are enough for thousands
 * of pods a minute, and whoever shows a hundred forged tokens waits for them by himself.
 */
const QUEUE_LIMITS = {
  atOnceMax: 8,
  atOncePerRootMax: 4,
  waitingMax: 1_024,
  waitingPerRootMax: 32,
  waitingPerPodMax: 32,
}

/** A token that was refused stays refused so long. Short: the pod that it is bound to may be on its way. */
const REFUSED_MS = 10_000
/** Hashes that are remembered: a few megabytes. */
const REFUSED_MAX = 20_000

/**
 * Bounds what strangers can have reviewed: a few at the same time, in turns by the address that they come from;
 * a token that many show at the same time, as an injector's in a burst of pods, is reviewed once for all of them;
 * and a token that was refused is refused from memory for a while. Throws `overloaded` beyond that.
 */
export function createTokenGate(
  api: Parameters<typeof createTokenReviewer>[0],
  now: () => number,
): TokenReviewer {
  return gateTokens(createTokenReviewer(api), now)
}

/** As `createTokenGate`, for any reviewer. */
export function gateTokens(reviewToken: TokenReviewer, now: () => number): TokenReviewer {
  const queue = new FairQueue('tokens', QUEUE_LIMITS)
  /** By hash: reviews under way. Who shows the same token meanwhile waits for the same answer. */
  const underWay = new Map<string, Promise<UserInfo>>()
  /** By hash: until when. The oldest first, since each is remembered for as long. */
  const refused = new Map<string, number>()

  function remember(hash: string): void {
    refused.delete(hash)
    for (const [oldest, untilMs] of refused) {
      if (refused.size < REFUSED_MAX && untilMs > now()) break
      refused.delete(oldest)
    }
    refused.set(hash, now() + REFUSED_MS)
  }

  return async function reviewInTurn(token, from = '') {
    const hash = createHash('sha256').update(token).digest('base64')
    const check = (): void => {
      if (now() >= (refused.get(hash) ?? 0)) return
      throw new Fault('identity_unverified', 'The token is not one for the control plane')
    }
    check()
    const asked = underWay.get(hash)
    if (asked !== undefined) return asked
    const review = queue.run({ root: from, pod: from }, async () => {
      try {
        return await reviewToken(token)
      } catch (error) {
        if (Fault.from(error).code === 'identity_unverified') remember(hash)
        throw error
      }
    })
    underWay.set(hash, review)
    const forget = () => underWay.delete(hash)
    review.then(forget, forget)
    return review
  }
}

/**
 * Refuses what no token of a pod looks like before anybody is asked about it: a projected token is a
 * JWT for our audience that is not over and names a pod. Its signature is for kube-apiserver to verify.
 * Source: Kubernetes pkg/serviceaccount/claims.go (v1.34), privateClaims.
 */
export function checkPodTokenClaims(reviewToken: TokenReviewer, now: () => number): TokenReviewer {
  return async function reviewPodToken(token, from) {
    if (!looksLikePodToken(token, now())) {
      throw new Fault('identity_unverified', 'The token is not one of a pod for the control plane')
    }
    return reviewToken(token, from)
  }
}

interface Claims {
  readonly aud?: unknown
  readonly exp?: unknown
  readonly 'kubernetes.io'?: { readonly pod?: { readonly uid?: unknown } }
}

/** Our clock and kube-apiserver's may differ; it is the one that decides. */
const CLOCK_SKEW_MS = 60_000

function looksLikePodToken(token: string, nowMs: number): boolean {
  const claims = parseClaims(token)
  if (claims === undefined) return false
  const { aud, exp } = claims
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const goesOn = typeof exp === 'number' && exp * 1_000 + CLOCK_SKEW_MS > nowMs
  const podUid = claims['kubernetes.io']?.pod?.uid
  return audiences.includes(CONTROL_PLANE_AUDIENCE) && goesOn && typeof podUid === 'string'
}

function parseClaims(token: string): Claims | undefined {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString())
    return typeof claims === 'object' && claims !== null ? claims : undefined
  } catch {
    // Converted: what is not JSON has no claims.
    return undefined
  }
}
