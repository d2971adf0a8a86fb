import type { AuditEvent, Effect } from '../../../core/audit/audit-event.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import { Fault } from '../../../core/fault.ts'
import { type DecisionPart, decisionFromMessage } from '../../../proto/audit-event-message.ts'
import { canonicalChain } from '../../../proto/canonical-chain.ts'
import { decisionBytes, parseRecord, toLaterPart, withLater } from '../record-bytes.ts'
import type { RecordRow } from './database-schema.ts'

/** Which kind of record a row holds. */
export const KINDS = {
  decision: 0,
  outcome: 1,
  refusals: 2,
  removal: 3,
  imported: 4,
  access: 5,
} as const

/** How an effect is stored. */
export const EFFECTS = { deny: 0, allow: 1, hold: 2 } as const satisfies Record<Effect, number>

/** The columns of a decision in the order of `toDecisionValues`; the sequence comes before them. */
export const DECISION_COLUMNS = [
  'kind',
  'id',
  'decided_at_ms',
  'namespace',
  'pod',
  'root_requester',
  'verb',
  'resource',
  'effect',
  'chain_digest',
  'bytes',
] as const satisfies readonly (keyof RecordRow)[]

/** A new decision as the values of its row. */
export function toDecisionValues(event: DecisionPart): readonly unknown[] {
  return [
    KINDS.decision,
    event.id,
    ...filterValues(event),
    asBuffer(canonicalChain(event.chain).digest),
    asBuffer(decisionBytes(event)),
  ]
}

/** The same bytes as better-sqlite3 takes them, not copied. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function filterValues(event: DecisionPart): readonly (string | number)[] {
  return [
    event.decidedAtMs,
    event.caller.namespace,
    event.caller.name,
    event.chain.rootRequester.username,
    event.attributes.verb,
    event.attributes.resource,
    EFFECTS[event.effect],
  ]
}

/** What stands beside the bytes of a decision, and about it. */
export type DecisionRow = Pick<RecordRow, 'sequence' | (typeof DECISION_COLUMNS)[number]>
export type LaterRow = Pick<RecordRow, 'sequence' | 'about' | 'bytes'>

/**
 * The decision of a row, with what was recorded about it later, in that order. Throws `audit_unavailable`
 * when the bytes cannot be read, or say something else than the columns beside them.
 */
export function toAuditEvent(
  row: DecisionRow,
  later: readonly LaterRow[],
  chain: DelegationChain,
): AuditEvent {
  return checked(row.sequence, () => {
    const record = parseRecord(row.bytes)
    if (record.case !== 'decision') throw new Fault('request_invalid', 'It is no decision')
    const decision = decisionFromMessage(record.value, chain)
    const columns = [row.id, row.decided_at_ms, row.namespace, row.pod, row.root_requester]
    const seen = [...columns, row.verb, row.resource, row.effect]
    if (![decision.id, ...filterValues(decision)].every((value, index) => value === seen[index])) {
      throw new Fault('request_invalid', 'Its columns are not what its bytes say')
    }
    const whole = later.reduce<ReturnType<typeof withLater>>((event, { bytes }) => {
      const part = toLaterPart(parseRecord(bytes))
      if (part.decisionId !== decision.id) {
        throw new Fault('request_invalid', 'What was recorded later is about another decision')
      }
      return withLater(event, part)
    }, decision)
    const { sequence } = row
    return { ...whole, sequence, lastSequence: later.at(-1)?.sequence ?? sequence }
  })
}

/** Says which record is damaged. */
export function checked<Value>(sequence: number, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Fault('audit_unavailable', `Record ${sequence} is damaged`, { cause: error })
  }
}
