import {
  type ApprovalParts,
  startApprovals,
} from '../../control-plane/approvals/start-approvals.ts'
import { createDecider, type DecideDeps } from '../../control-plane/decisions/decide.ts'
import { createMaskKeys } from '../../control-plane/decisions/mask-keys.ts'
import type { Store } from '../../control-plane/store/store.ts'
import type { TargetObject } from '../../core/approvals/access-request.ts'
import { type Clock, SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'

type Deciding = Omit<DecideDeps, 'defaultDecision' | 'grants'> & Pick<Store, 'accessRequests'>

/** What decides in a fixture, and what becomes of held requests. */
export function startDeciding(
  { logger, ...deps }: Deciding & { readonly logger: Logger },
  onGrantChange: (podUid: string) => void,
) {
  const judging = {
    ...deps,
    maskKeyOf: createMaskKeys('secret of the fixture'),
    defaultDecision: 'SubjectAccessReview' as const,
  }
  const held = startHeldRequests({ store: deps, judging, logger, now: deps.now, onGrantChange })
  return { held, decider: createDecider({ ...judging, grants: held.grants }) }
}

/** Approvals of a fixture: any object is there, with the UID `uid-of-NAME` unless `objects` says otherwise. */
function startHeldRequests({
  now,
  ...parts
}: Omit<ApprovalParts, 'clock' | 'config' | 'readTarget'> & { readonly now: () => number }) {
  const objects = new Map<string, TargetObject>()
  const started = startApprovals({
    ...parts,
    clock: toClock(now),
    readTarget: async ({ name }) =>
      objects.get(name) ?? { uid: `uid-of-${name}`, resourceVersion: '1' },
    config: {
      ...{ approvalWaitMax: '45s', approvalsPendingPerRoot: 3, approvalsPendingPerNamespace: 5 },
    },
  })
  return { ...started, objects }
}

/** What is due by a clock that a test sets is found within 50 ms. */
function toClock(nowMs: () => number): Clock {
  const { monotonicMs, after } = SYSTEM_CLOCK
  return { nowMs, monotonicMs, after: (ms, run) => after(Math.min(ms, 50), run) }
}
