import type { RecordedMatches } from '../../core/audit/audit-event.ts'
import type { Question } from '../../core/authorization/question.ts'
import type { Actor } from '../../core/chain.ts'
import { impersonatedUser } from '../../core/kubernetes/impersonation.ts'
import { shortenExec } from '../../core/kubernetes/shorten-exec.ts'
import { recordedUserAgent } from '../../core/kubernetes/user-agent.ts'
import type { Decision, PrincipalMatches } from '../../core/policy/decision.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import type { NewAuditEvent } from '../store/audit-event-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** What a record is made of. */
export interface RecordParts {
  readonly id: string
  readonly decidedAtMs: number
  readonly binding: PodBinding
  /** The pod that asked. */
  readonly caller: Actor
  readonly question: Question
  /** Absent when the sidecar refused by itself. */
  readonly decision?: Decision | undefined
  /** What the caller is told. */
  readonly message: string
  readonly observed: boolean
  /** Whether the sidecar has sent the request already. */
  readonly sentAhead: boolean
}

/** The record of a decision, not longer than records may be. */
export function toRecord(parts: RecordParts): NewAuditEvent {
  const { id, decidedAtMs, binding, caller, question, decision, message, observed, sentAhead } =
    parts
  const { attributes, container, userAgent, impersonation } = question
  return {
    id,
    decidedAtMs,
    caller,
    container,
    cluster: binding.cluster,
    chain: binding.chain,
    attributes: shortenExec(attributes),
    effect: decision?.effect ?? 'deny',
    reason: decision?.reason ?? (sentAhead ? 'undecided' : 'request_invalid'),
    refusedBy: refusedBy(decision),
    rule: decision?.rule ?? '',
    matches: (decision?.matches ?? []).map(toRecordedMatches),
    obligations:
      decision === undefined || decision.effect === 'deny' ? NO_OBLIGATIONS : decision.obligations,
    observed,
    userAgent: recordedUserAgent(userAgent),
    message,
    ...(sentAhead ? { sentAhead } : {}),
    ...(impersonation === undefined ? {} : { impersonatedUser: impersonatedUser(impersonation) }),
  }
}

function refusedBy(decision: Decision | undefined): string {
  if (decision === undefined || decision.effect === 'allow') return ''
  const principal = decision.effect === 'hold' ? decision.heldFor : decision.refusedBy
  return principal?.user.username ?? ''
}

function toRecordedMatches({ principal, rules }: PrincipalMatches): RecordedMatches {
  return { principal: principal.user.username, role: principal.role, rules }
}

/** Of a refusal: names of Kubernetes have 253 characters at most; what is longer is somebody's joke. */
const REFUSED_NAME_MAX = 256
const REFUSED_TEXT_MAX = 1_024

/** A refused request is what the caller pleases: its texts are cut where they are longer than any use. */
export function bounded(event: NewAuditEvent): NewAuditEvent {
  const { attributes } = event
  const { apiGroup, apiVersion, resource, subresource, namespace, name, path } = attributes
  const names = { apiGroup, apiVersion, resource, subresource, namespace, name }
  const cutNames = Object.entries(names).map(([key, text]) => [key, cut(text, REFUSED_NAME_MAX)])
  return {
    ...event,
    attributes: {
      ...attributes,
      ...(Object.fromEntries(cutNames) as typeof names),
      path: cut(path, REFUSED_TEXT_MAX),
    },
    message: cut(event.message, REFUSED_TEXT_MAX),
  }
}

function cut(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`
}
