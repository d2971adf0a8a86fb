import type { MessageInitShape } from '@bufbuild/protobuf'
import type { MaskedValues } from '../core/audit/audit-event.ts'
import type { RequestAttributesSchema } from './gen/lanyard/v1/authorization_pb.ts'
import type { WireWriter } from './wire-writer.ts'

/* Messages of authorization.proto that stand within a record as well as in the decision stream. */

type PlainAttributes = Omit<
  MessageInitShape<typeof RequestAttributesSchema>,
  'alsoVerbs' | 'exec' | 'portForward' | '$typeName' | '$unknown'
> & { readonly alsoVerbs?: readonly string[] }

/** Writes a RequestAttributes as the field with this number, without the rare `exec` and `port_forward`. */
export function writePlainAttributes(
  writer: WireWriter,
  field: number,
  attributes: PlainAttributes,
): void {
  const begun = writer.begin(field)
  writer.text(1, attributes.verb ?? '')
  writer.flag(2, attributes.resourceRequest ?? false)
  writer.text(3, attributes.apiGroup ?? '')
  writer.text(4, attributes.apiVersion ?? '')
  writer.text(5, attributes.resource ?? '')
  writer.text(6, attributes.subresource ?? '')
  writer.text(7, attributes.namespace ?? '')
  writer.text(8, attributes.name ?? '')
  writer.text(9, attributes.path ?? '')
  for (const verb of attributes.alsoVerbs ?? []) writer.item(10, verb)
  writer.end(begun)
}

/** An Outcome, its number of bytes as a number of JavaScript's. */
export interface PlainOutcome {
  readonly httpStatus: number
  readonly fault: string
  readonly responseBytes: number
  readonly withheld?: boolean | undefined
  readonly masked?: readonly MaskedValues[] | undefined
}

/** Writes an Outcome as the field with this number. */
export function writePlainOutcome(
  writer: WireWriter,
  field: number,
  decisionId: string,
  outcome: PlainOutcome,
): void {
  const begun = writer.begin(field)
  writer.text(1, decisionId)
  writer.number(2, outcome.httpStatus)
  writer.text(3, outcome.fault)
  writer.number(4, outcome.responseBytes)
  writer.flag(5, outcome.withheld ?? false)
  for (const { mask, values } of outcome.masked ?? []) {
    const masked = writer.begin(6)
    writer.text(1, mask)
    writer.number(2, values)
    writer.end(masked)
  }
  writer.end(begun)
}
