import { createHash } from 'node:crypto'
import {
  decisionIdTimeMs,
  isDecisionId,
  isInLane,
  laneFromBytes,
} from '../../core/audit/decision-id.ts'
import { isPlainRead } from '../../core/authorization/plain-read.ts'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import { isFree, NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import type { RecordedDecision } from '../decisions/decide.ts'
import { type AuthorizationDeps, decideMeasured } from '../decisions/decide-measured.ts'
import type { Session } from '../sessions.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/**
 * How far the time in an id may be from the control plane's clock. A sidecar takes that clock with its enrolment,
 * so it is off by the way of a message; readers look for an id within as much around its time.
 */
const FRESH_MS = 10_000

/**
 * The lane of a pod: the digits of chance with which each id begins that its sidecar makes. It is made of the pod's
 * UID, so it is the same after a restart of either side: what was sent before can be put on record afterwards.
 */
export function laneOf(podUid: string): string {
  return laneFromBytes(createHash('sha256').update(`lane of ${podUid}`).digest())
}

/**
 * Throws `decision_unavailable` for an id under which this pod may not have sent a request just now: no ULID, in
 * another pod's lane, or made at another time. A `late` one was made before, at any time since the pod was bound.
 */
export function checkSentAs(
  id: string,
  { podUid, boundAtMs }: Pick<PodBinding, 'podUid' | 'boundAtMs'>,
  nowMs: number,
  late: boolean,
): void {
  if (!isDecisionId(id)) throw notTaken('it is no ULID')
  if (!isInLane(id, laneOf(podUid))) throw notTaken('its lane is not the one of this pod')
  const earliestMs = (late ? Math.min(boundAtMs, nowMs) : nowMs) - FRESH_MS
  const atMs = decisionIdTimeMs(id)
  if (atMs >= earliestMs && atMs <= nowMs + FRESH_MS) return
  const offMs = Math.abs(atMs - nowMs)
  throw notTaken(`its time is ${offMs} ms off the clock of the control plane`)
}

/**
 * Decides a question that a sidecar asks. With `sentAs`, the sidecar has sent the request under that id; when it
 * says why it gave up, too, no decision came in time: what is on record by now stays. Throws as `decide`, and
 * `decision_unavailable` for an id that is not the pod's to make.
 */
export async function decideQuestion(
  deps: Pick<AuthorizationDeps, 'decider' | 'metrics' | 'auditEvents' | 'now'>,
  session: Session,
  question: Question,
  sentAs: string,
): Promise<RecordedDecision> {
  if (sentAs === '') return decideMeasured(deps, session, question)
  const late = question.refusedBecause !== ''
  checkSentAs(sentAs, session.binding, deps.now(), late)
  if (late && (await deps.auditEvents.get(sentAs)) !== undefined) return onRecord(sentAs)
  return decideMeasured(deps, session, question, sentAs)
}

/** Whether a sidecar may foresee the same question by its answer: a plain read, allowed with nothing to add. */
export function isGroundToForesee(question: Question, decided: RecordedDecision): boolean {
  const { effect, obligations, warning, conditional, grantId } = decided
  // What an approval lets pass is asked for each time: a grant may be used once.
  const isPlain = isFree(obligations) && warning === '' && !conditional && grantId === undefined
  return effect === 'allow' && isPlain && isPlainRead(question)
}

/** What was decided is of no use any more: the answer to the request was thrown away. */
function onRecord(decisionId: string): RecordedDecision {
  const said = { impersonationJudged: false, conditional: false }
  const nothing = { obligations: NO_OBLIGATIONS, warning: '', ...said }
  return { ...nothing, decisionId, effect: 'deny', refusal: undefined }
}

function notTaken(why: string): Fault {
  return new Fault(
    'decision_unavailable',
    `The id that the sidecar made for this request is not taken: ${why}; try again`,
  )
}
