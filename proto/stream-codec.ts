import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type AuthorizeRequestSchema,
  type AuthorizeResponseSchema,
  AuthorizeStreamRequestSchema,
  AuthorizeStreamResponseSchema,
} from './gen/lanyard/v1/authorization_pb.ts'
import { writePlainAttributes, writePlainOutcome } from './plain-fields.ts'
import { WireWriter } from './wire-writer.ts'

/*
 * The messages of the decision stream, encoded without an object for each. Whatever a message holds that few
 * hold is left to the library; a test compares the bytes with the library's, field by field of the .proto.
 */

type SidecarMessage = MessageInitShape<typeof AuthorizeStreamRequestSchema>
type ControlPlaneMessage = MessageInitShape<typeof AuthorizeStreamResponseSchema>

const writer = new WireWriter()
const BATCH = 5

/** The bytes of what a sidecar says. */
export function streamRequestBytes(request: SidecarMessage): Buffer<ArrayBuffer> {
  const together = request.message?.case === 'batch' ? request.message.value.messages : undefined
  return encode(AuthorizeStreamRequestSchema, request, together, writeRequest)
}

/** The bytes of what the control plane says. */
export function streamResponseBytes(response: ControlPlaneMessage): Buffer<ArrayBuffer> {
  const together = response.message?.case === 'batch' ? response.message.value.messages : undefined
  return encode(AuthorizeStreamResponseSchema, response, together, writeResponse)
}

/** `write` writes a message, or nothing and returns false. */
function encode<Schema extends DescMessage, Message extends MessageInitShape<Schema>>(
  schema: Schema,
  message: Message & { readonly correlation?: number },
  together: readonly Message[] | undefined,
  write: (message: Message) => boolean,
): Buffer<ArrayBuffer> {
  writer.start()
  if (together === undefined) {
    return write(message) ? writer.finish() : libraryBytes(schema, message)
  }
  writer.number(1, message.correlation ?? 0)
  const batch = writer.begin(BATCH)
  for (const one of together) {
    const begun = writer.begin(1)
    if (write(one)) writer.end(begun)
    else writer.replace(begun, libraryBytes(schema, one))
  }
  writer.end(batch)
  return writer.finish()
}

function libraryBytes<Schema extends DescMessage>(
  schema: Schema,
  message: MessageInitShape<Schema>,
): Buffer<ArrayBuffer> {
  const bytes = toBinary(schema, create(schema, message))
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function writeRequest({ correlation = 0, message }: SidecarMessage): boolean {
  if (message?.case === 'authorize') {
    const { attributes, impersonation, credentialBody, template, approvalDigest } = message.value
    const body = credentialBody ?? template ?? approvalDigest
    const rare = impersonation ?? body ?? attributes?.exec ?? attributes?.portForward
    if (rare !== undefined) return false
    writer.number(1, correlation)
    writeQuestion(message.value)
    return true
  }
  if (message?.case !== 'outcome' || !isSmall(message.value.responseBytes)) return false
  const {
    decisionId = '',
    httpStatus = 0,
    fault = '',
    responseBytes = 0n,
    withheld,
    masked = [],
  } = message.value
  if (masked.length > 0) return false
  const outcome = { httpStatus, fault, responseBytes: Number(responseBytes), withheld }
  writer.number(1, correlation)
  writePlainOutcome(writer, 3, decisionId, outcome)
  return true
}

/** Whether a number of 64 bits is one of JavaScript's. */
function isSmall(value: bigint | undefined): boolean {
  return value === undefined || value <= Number.MAX_SAFE_INTEGER
}

function writeQuestion(question: MessageInitShape<typeof AuthorizeRequestSchema>): void {
  const begun = writer.begin(2)
  if (question.attributes !== undefined) writePlainAttributes(writer, 1, question.attributes)
  writer.text(2, question.container ?? '')
  writer.text(3, question.userAgent ?? '')
  writer.text(4, question.refusedBecause ?? '')
  writer.text(5, question.targetContainer ?? '')
  writer.text(11, question.decisionId ?? '')
  writer.end(begun)
}

function writeResponse({ correlation = 0, message }: ControlPlaneMessage): boolean {
  if (message?.case !== 'decision') return false
  const { causes = [], obligations } = message.value
  if (causes.length > 0 || obligations !== undefined) return false
  writer.number(1, correlation)
  writeAnswer(message.value)
  return true
}

function writeAnswer(answer: MessageInitShape<typeof AuthorizeResponseSchema>): void {
  const begun = writer.begin(2)
  writer.text(1, answer.decisionId ?? '')
  writer.number(2, answer.effect ?? 0)
  writer.text(3, answer.message ?? '')
  writer.text(5, answer.warning ?? '')
  writer.flag(6, answer.impersonationJudged ?? false)
  writer.number(8, answer.retryAfterSeconds ?? 0)
  writer.flag(9, answer.mayBeForeseen ?? false)
  writer.end(begun)
}
