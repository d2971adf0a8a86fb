import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import type { AccessGrant } from '../../core/approvals/access-request.ts'
import { parseDuration } from '../../core/duration.ts'
import { type Clock, SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ControlPlaneConfig } from '../config.ts'
import type { DecideDeps } from '../decisions/decide.ts'
import { createJudgeChain } from '../decisions/judge-chain.ts'
import type { TargetReader } from '../kubernetes/target-reader.ts'
import type { Store } from '../store/store.ts'
import { createAnswerWaiter } from './answer-waiter.ts'
import { type Approvals, createApprovals } from './approvals.ts'
import { startDueApprovals } from './due-approvals.ts'
import { followGrants } from './follow-grants.ts'
import { createRequestApproval, type RequestApproval } from './held-requests.ts'
import { createGrants, type Grants } from './redeem-grants.ts'

/** Requests that wait in the whole cluster: some 10 MB of the database without bodies, and more than people answer. */
const ALL_PENDING_MAX = 10_000

/** Approvals as the parts of the control plane use them. */
export interface StartedApprovals {
  /** For people. */
  readonly approvals: Approvals
  /** For sidecars. */
  readonly request: RequestApproval
  /** For decisions. */
  readonly grants: Grants
  /** Requests that wait. */
  readonly pending: () => number
  /** How often requesters have approved for themselves since the start. */
  readonly brokenGlass: () => number
  stop(): void
}

export interface ApprovalParts {
  readonly readTarget: TargetReader
  readonly config: Pick<
    ControlPlaneConfig,
    'approvalWaitMax' | 'approvalsPendingPerNamespace' | 'approvalsPendingPerRoot'
  >
  readonly store: Pick<Store, 'accessRequests'>
  readonly judging: Omit<DecideDeps, 'grants'>
  readonly logger: Logger
  /** What a pod has open is to be judged again. */
  readonly onGrantChange: (podUid: string) => void
  readonly clock?: Clock
}

/** Starts what closes requests in time, and has what is open judged again when a grant ends. */
export function startApprovals(parts: ApprovalParts): StartedApprovals {
  const { config, judging, logger, readTarget, clock = SYSTEM_CLOCK } = parts
  const store = parts.store.accessRequests
  const now = clock.nowMs
  const ulid = monotonicFactory(() => randomInt(32) / 32)
  const newId = (nowMs: number) => ulid(nowMs).toLowerCase()
  const grants = createGrants({ store, readTarget, now })
  const unfollow = followGrants(store, parts.onGrantChange)
  const due = startDueApprovals({ store, clock, logger })
  const { checkVolume, grown } = judging
  let brokenGlass = 0
  const onBreakGlass = ({ id, requestId, approvedBy, rootRequester }: AccessGrant): void => {
    brokenGlass += 1
    const told = { grant: id, request: requestId, approvedBy, rootRequester }
    logger.warn(told, 'BREAK GLASS: a requester approved for themself')
  }
  return {
    approvals: createApprovals({ store, newId, now, onBreakGlass }),
    grants,
    pending: () => store.pending('', '').all,
    brokenGlass: () => brokenGlass,
    request: createRequestApproval({
      ...{ store, grants, readTarget, newId, now, grown },
      judgeChain: createJudgeChain(judging),
      waiter: createAnswerWaiter(store, clock),
      limits: {
        perRoot: config.approvalsPendingPerRoot,
        perNamespace: config.approvalsPendingPerNamespace,
        all: ALL_PENDING_MAX,
      },
      waitMsMax: parseDuration(config.approvalWaitMax),
      ...(checkVolume === undefined ? {} : { checkVolume }),
    }),
    stop() {
      unfollow()
      due.stop()
    },
  }
}
