import type { Outcome, RecordedMatches } from '../core/audit/audit-event.ts'
import { isFree } from '../core/policy/obligations.ts'
import type { DecisionPart } from './audit-event-message.ts'
import { writePlainAttributes, writePlainOutcome } from './plain-fields.ts'
import { effectToMessage } from './question-message.ts'
import { WireWriter } from './wire-writer.ts'

/*
 * The records of which there are thousands a second, encoded without a message for each. Numbers are those of
 * record.proto, audit.proto and authorization.proto; a test compares the bytes with those of the library.
 */

const writer = new WireWriter()

/**
 * The canonical bytes of the record of a decision; undefined for one that holds what few hold, which
 * the library encodes. The digest (SHA-256) stands for the chain.
 */
export function plainDecisionBytes(event: DecisionPart, chainDigest: Uint8Array) {
  if (!isPlain(event)) return undefined
  writer.start()
  const record = writer.begin(1)
  writer.text(1, event.id)
  time(3, event.decidedAtMs)
  writer.text(5, event.container)
  writePlainAttributes(writer, 8, event.attributes)
  writer.number(9, effectToMessage(event.effect, event.obligations))
  writer.text(10, event.reason)
  writer.text(11, event.refusedBy)
  writer.text(12, event.rule)
  writer.flag(13, event.observed)
  writer.text(14, event.userAgent)
  writer.text(15, event.message)
  event.matches.forEach(writeMatches)
  const cluster = writer.begin(21)
  writer.text(1, event.cluster.id)
  writer.text(2, event.cluster.name)
  writer.end(cluster)
  writer.bytes(22, chainDigest)
  writer.flag(23, event.sentAhead ?? false)
  writer.end(record)
  return writer.finish()
}

/** Whether it has no field that is not written here. */
function isPlain(event: DecisionPart): boolean {
  const { attributes, obligations, impersonatedUser, summary, grantId } = event
  const { exec, portForward } = attributes
  const rare = exec ?? portForward ?? impersonatedUser ?? summary ?? grantId
  return rare === undefined && isFree(obligations)
}

function writeMatches({ principal, role, rules }: RecordedMatches): void {
  const begun = writer.begin(19)
  writer.text(1, principal)
  writer.text(2, role)
  for (const { name, effect } of rules) {
    const rule = writer.begin(3)
    writer.text(1, name)
    writer.text(2, effect)
    writer.end(rule)
  }
  writer.end(begun)
}

/** The canonical bytes of the record of an outcome. */
export function plainOutcomeBytes(decisionId: string, outcome: Outcome): Buffer<ArrayBuffer> {
  writer.start()
  const record = writer.begin(2)
  writePlainOutcome(writer, 1, decisionId, outcome)
  time(2, outcome.completedAtMs)
  writer.end(record)
  return writer.finish()
}

/** A google.protobuf.Timestamp; not before 1970. */
function time(field: number, unixMs: number): void {
  const seconds = Math.floor(unixMs / 1_000)
  const begun = writer.begin(field)
  writer.number(1, seconds)
  writer.number(2, (unixMs - 1_000 * seconds) * 1_000_000)
  writer.end(begun)
}
