import type { MessageInitShape } from '@bufbuild/protobuf'
import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'
import {
  ACCESS_CHANGES,
  type AccessChange,
  type AuditEvent,
  type Effect,
  type Outcome,
  type RecordedMatches,
  type RefusalSummary,
} from '../core/audit/audit-event.ts'
import { type DelegationChain, isPrincipalRole } from '../core/chain.ts'
import { Fault } from '../core/fault.ts'
import { isRuleEffect } from '../core/policy/access-policy.ts'
import { isFree, NO_OBLIGATIONS } from '../core/policy/obligations.ts'
import { actorToMessage, chainToMessage, userFromMessage, userToMessage } from './chain-message.ts'
import type {
  AccessChange as AccessChangeMessage,
  AccessChangeSchema,
  AuditEvent as AuditEventMessage,
  AuditEventSchema,
  PrincipalMatches,
  RefusalSummary as RefusalSummaryMessage,
  RefusalSummarySchema,
} from './gen/lanyard/v1/audit_pb.ts'
import { Effect as EffectMessage } from './gen/lanyard/v1/authorization_pb.ts'
import {
  attributesFromMessage,
  attributesToMessage,
  effectToMessage,
  obligationsFromMessage,
  obligationsToMessage,
} from './question-message.ts'

/** A decision without its place in the log and without what came of it. */
export type DecisionPart = Omit<
  AuditEvent,
  'sequence' | 'lastSequence' | 'outcome' | 'accessChanges'
>

/** What a record holds of a decision. The digest (SHA-256) stands for its chain, which names the pod too. */
export function decisionToMessage(event: DecisionPart, chainDigest: Uint8Array) {
  return {
    id: event.id,
    decidedAt: timestampFromMs(event.decidedAtMs),
    container: event.container,
    chainDigest: Uint8Array.from(chainDigest),
    cluster: { ...event.cluster },
    attributes: attributesToMessage(event.attributes),
    effect: effectToMessage(event.effect, event.obligations),
    matches: event.matches.map(({ principal, role, rules }) => ({
      ...{ principal, role },
      rules: rules.map((rule) => ({ ...rule })),
    })),
    ...(isFree(event.obligations) ? {} : { obligations: obligationsToMessage(event.obligations) }),
    reason: event.reason,
    refusedBy: event.refusedBy,
    rule: event.rule,
    observed: event.observed,
    userAgent: event.userAgent,
    message: event.message,
    ...(event.impersonatedUser === undefined
      ? {}
      : { impersonatedUser: userToMessage(event.impersonatedUser) }),
    ...(event.sentAhead === undefined ? {} : { sentAhead: true }),
    ...(event.grantId === undefined ? {} : { grantId: event.grantId }),
    ...(event.summary === undefined ? {} : { summary: summaryToMessage(event.summary) }),
  } satisfies MessageInitShape<typeof AuditEventSchema>
}

/** A record as a reader gets it: with the chain and with what became of the request. */
export function auditEventToMessage(
  event: AuditEvent,
  chainDigest: Uint8Array,
): MessageInitShape<typeof AuditEventSchema> {
  return {
    ...decisionToMessage(event, chainDigest),
    sequence: BigInt(event.sequence),
    caller: actorToMessage(event.caller),
    rootRequester: event.chain.rootRequester.username,
    chain: chainToMessage(event.chain),
    ...outcomeToMessage(event.id, event.outcome),
    accessChanges: (event.accessChanges ?? []).map(accessChangeToMessage),
  }
}

/** The outcome and its time as fields of a message; none without an outcome. */
export function outcomeToMessage(decisionId: string, outcome: Outcome | undefined) {
  if (outcome === undefined) return {}
  const { httpStatus, fault, responseBytes, completedAtMs, withheld = false, masked = [] } = outcome
  return {
    outcome: {
      ...{ decisionId, httpStatus, fault, responseBytes: BigInt(responseBytes), withheld },
      masked: masked.map(({ mask, values }) => ({ mask, values: BigInt(values) })),
    },
    completedAt: timestampFromMs(completedAtMs),
  }
}

/** A change of an access request, on the wire. */
export function accessChangeToMessage({
  atMs,
  ...change
}: AccessChange): MessageInitShape<typeof AccessChangeSchema> {
  return { ...change, at: timestampFromMs(atMs) }
}

/** A change of an access request. Throws `request_invalid` for one that this version does not know. */
export function accessChangeFromMessage(message: AccessChangeMessage): AccessChange {
  const { requestId, by, reason, grantId, digest, scope, breakGlass } = message
  const change = ACCESS_CHANGES.find((name) => name === message.change)
  if (change === undefined) unreadable('change')
  return {
    ...{ requestId, change, by, reason, grantId, digest, scope, breakGlass },
    atMs: msOf(message.at),
  }
}

/** How many refusals a record stands for, on the wire. */
export function summaryToMessage({
  count,
  lastAtMs,
  samples,
}: RefusalSummary): MessageInitShape<typeof RefusalSummarySchema> {
  return { count: BigInt(count), lastAt: timestampFromMs(lastAtMs), samples: [...samples] }
}

/** How many refusals a record stands for. Throws `request_invalid` without a time. */
export function summaryFromMessage({
  count,
  lastAt,
  samples,
}: RefusalSummaryMessage): RefusalSummary {
  return { count: Number(count), lastAtMs: msOf(lastAt), samples }
}

/**
 * The decision of a record, whose digest stands for `chain`. Throws `request_invalid` for a message that
 * `decisionToMessage` did not make.
 */
export function decisionFromMessage(
  message: AuditEventMessage,
  chain: DelegationChain,
): DecisionPart {
  const caller = chain.actors.at(-1) ?? unreadable('pod')
  if (message.attributes === undefined) unreadable('attributes')
  const { id, container, reason, refusedBy, rule, observed, userAgent } = message
  const { cluster, obligations, impersonatedUser, summary } = message
  return {
    ...{ id, container, chain, reason, refusedBy, rule, observed, userAgent },
    caller,
    decidedAtMs: msOf(message.decidedAt),
    cluster: { id: cluster?.id ?? '', name: cluster?.name ?? '' },
    attributes: attributesFromMessage(message.attributes),
    effect: effectFromMessage(message.effect),
    matches: message.matches.map(matchesFromMessage),
    obligations: obligations === undefined ? NO_OBLIGATIONS : obligationsFromMessage(obligations),
    message: message.message,
    ...(impersonatedUser === undefined
      ? {}
      : { impersonatedUser: userFromMessage(impersonatedUser) }),
    ...(message.sentAhead ? { sentAhead: true as const } : {}),
    ...(message.grantId === '' ? {} : { grantId: message.grantId }),
    ...(summary === undefined ? {} : { summary: summaryFromMessage(summary) }),
  }
}

/** Unix milliseconds. Throws `request_invalid` without a time. */
export function msOf(timestamp: Timestamp | undefined): number {
  return timestamp === undefined ? unreadable('time') : timestampMs(timestamp)
}

function effectFromMessage(effect: EffectMessage): Effect {
  switch (effect) {
    case EffectMessage.ALLOW:
    case EffectMessage.ALLOW_WITH_OBLIGATIONS:
      return 'allow'
    case EffectMessage.HOLD:
      return 'hold'
    case EffectMessage.DENY:
      return 'deny'
    default:
      return unreadable('effect')
  }
}

function matchesFromMessage({ principal, role, rules }: PrincipalMatches): RecordedMatches {
  return {
    principal,
    role: isPrincipalRole(role) ? role : unreadable('role'),
    rules: rules.map(({ name, effect }) => ({
      name,
      effect: isRuleEffect(effect) ? effect : unreadable('effect of a rule'),
    })),
  }
}

function unreadable(what: string): never {
  throw new Fault('request_invalid', `The record has no ${what} that this version knows`)
}
