import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { AccessChange, Outcome, RefusalSummary } from '../../core/audit/audit-event.ts'
import type { Removal, RemovalReason } from '../../core/audit/removal.ts'
import { Fault } from '../../core/fault.ts'
import type { SessionImport } from '../../core/recording/session-import.ts'
import {
  accessChangeFromMessage,
  accessChangeToMessage,
  type DecisionPart,
  decisionToMessage,
  msOf,
  summaryFromMessage,
  summaryToMessage,
} from '../../proto/audit-event-message.ts'
import { canonicalChain } from '../../proto/canonical-chain.ts'
import {
  type Record as RecordMessage,
  RecordSchema,
  type RemovalRecord,
} from '../../proto/gen/lanyard/v1/record_pb.ts'
import { plainDecisionBytes, plainOutcomeBytes } from '../../proto/plain-record.ts'

/* The canonical bytes of records: what every store keeps, and what digests are made of. */

/** The bytes of a decision; its chain is kept apart, by its digest. */
export function decisionBytes(event: DecisionPart): Uint8Array {
  const { digest } = canonicalChain(event.chain)
  const plain = plainDecisionBytes(event, digest)
  if (plain !== undefined) return plain
  return toBytes({ record: { case: 'decision', value: decisionToMessage(event, digest) } })
}

/** The bytes of what became of a request. */
export function outcomeBytes(decisionId: string, outcome: Outcome): Uint8Array {
  return plainOutcomeBytes(decisionId, outcome)
}

/** The bytes of how many refusals a record stands for by now. */
export function refusalsBytes(decisionId: string, summary: RefusalSummary): Uint8Array {
  const value = { decisionId, summary: summaryToMessage(summary) }
  return toBytes({ record: { case: 'refusals', value } })
}

/** The bytes of a removal. */
export function removalBytes(removal: Removal): Uint8Array {
  const value = {
    removedAt: timestampFromMs(removal.removedAtMs),
    reason: removal.reason,
    firstSequence: BigInt(removal.firstSequence),
    lastSequence: BigInt(removal.lastSequence),
    firstId: removal.firstId,
    lastId: removal.lastId,
    firstDecidedAt: timestampFromMs(removal.firstDecidedAtMs),
    lastDecidedAt: timestampFromMs(removal.lastDecidedAtMs),
    decisions: BigInt(removal.decisions),
    records: BigInt(removal.records),
    digest: Uint8Array.from(Buffer.from(removal.sha256, 'hex')),
    recordings: BigInt(removal.recordings ?? 0),
  }
  return toBytes({ record: { case: 'removal', value } })
}

/** The bytes of a change of an access request that a decision has led to. */
export function accessChangeBytes(decisionId: string, change: AccessChange): Uint8Array {
  const value = { decisionId, change: accessChangeToMessage(change) }
  return toBytes({ record: { case: 'access', value } })
}

/** The bytes of an import. */
export function importBytes(imported: SessionImport): Uint8Array {
  const { id, username, source, namespace } = imported
  const value = {
    ...{ id, username, source, namespace },
    importedAt: timestampFromMs(imported.atMs),
    bytes: BigInt(imported.bytes),
    digest: Uint8Array.from(Buffer.from(imported.sha256, 'hex')),
  }
  return toBytes({ record: { case: 'imported', value } })
}

/** Throws `request_invalid` for bytes that are no record. */
export function parseRecord(bytes: Uint8Array): RecordMessage['record'] {
  try {
    return fromBinary(RecordSchema, bytes).record
  } catch (error) {
    throw new Fault('request_invalid', 'The bytes are no record', { cause: error })
  }
}

/** Something that was recorded about a decision later. */
export type LaterPart =
  | { readonly decisionId: string; readonly outcome: Outcome }
  | { readonly decisionId: string; readonly summary: RefusalSummary }
  | { readonly decisionId: string; readonly access: AccessChange }

/** Throws `request_invalid` for a record that is not about a decision. */
export function toLaterPart(record: RecordMessage['record']): LaterPart {
  if (record.case === 'outcome' && record.value.outcome !== undefined) {
    const { decisionId, httpStatus, fault, responseBytes, withheld, masked } = record.value.outcome
    const completedAtMs = msOf(record.value.completedAt)
    const outcome = { httpStatus, fault, responseBytes: Number(responseBytes), completedAtMs }
    return {
      decisionId,
      outcome: {
        ...outcome,
        ...(withheld ? { withheld } : {}),
        ...(masked.length > 0 ? { masked: masked.map(maskedFromMessage) } : {}),
      },
    }
  }
  if (record.case === 'refusals' && record.value.summary !== undefined) {
    const { decisionId, summary } = record.value
    return { decisionId, summary: summaryFromMessage(summary) }
  }
  if (record.case === 'access' && record.value.change !== undefined) {
    const { decisionId, change } = record.value
    return { decisionId, access: accessChangeFromMessage(change) }
  }
  throw new Fault('request_invalid', 'The record is not about a decision')
}

function maskedFromMessage({ mask, values }: { readonly mask: string; readonly values: bigint }) {
  return { mask, values: Number(values) }
}

/** A decision with what was recorded about it since. */
export function withLater(event: DecisionPart & Later, later: LaterPart): DecisionPart & Later {
  if ('outcome' in later) return { ...event, outcome: later.outcome }
  if ('access' in later) {
    return { ...event, accessChanges: [...(event.accessChanges ?? []), later.access] }
  }
  // A count that could not be written tells its samples again with the next.
  const samples = [...new Set([...(event.summary?.samples ?? []), ...later.summary.samples])]
  return { ...event, summary: { ...later.summary, samples } }
}

interface Later {
  readonly outcome?: Outcome
  readonly accessChanges?: readonly AccessChange[]
}

const REASONS: readonly string[] = ['age', 'size', 'space'] satisfies readonly RemovalReason[]

function isReason(text: string): text is RemovalReason {
  return REASONS.includes(text)
}

/** What went. Throws `request_invalid` for a reason that this version does not know. */
export function toRemoval(record: RemovalRecord): Removal {
  if (!isReason(record.reason)) {
    throw new Fault('request_invalid', 'The record has a reason that this version does not know')
  }
  return {
    removedAtMs: msOf(record.removedAt),
    reason: record.reason,
    firstSequence: Number(record.firstSequence),
    lastSequence: Number(record.lastSequence),
    firstId: record.firstId,
    lastId: record.lastId,
    firstDecidedAtMs: msOf(record.firstDecidedAt),
    lastDecidedAtMs: msOf(record.lastDecidedAt),
    decisions: Number(record.decisions),
    records: Number(record.records),
    ...(record.recordings === 0n ? {} : { recordings: Number(record.recordings) }),
    sha256: Buffer.from(record.digest).toString('hex'),
  }
}

function toBytes(record: MessageInitShape<typeof RecordSchema>): Uint8Array {
  return toBinary(RecordSchema, create(RecordSchema, record))
}
