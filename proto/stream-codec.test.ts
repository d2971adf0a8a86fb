import {
  create,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AuthorizeStreamRequestSchema,
  AuthorizeStreamResponseSchema,
  Effect,
} from './gen/lanyard/v1/authorization_pb.ts'
import { streamRequestBytes, streamResponseBytes } from './stream-codec.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('', 'get', 'x'.repeat(64), 'x'.repeat(65), 'é'.repeat(70), '\udfff'),
)
/** A batch in a batch in a batch says nothing that a batch in a batch does not. */
const DEPTH_MAX = 5

/** Any message of a kind: a field that the .proto gets later is among its fields. */
function anyOf(message: DescMessage, depth = 0): fc.Arbitrary<object> {
  if (depth > DEPTH_MAX) return fc.constant({})
  const plain = message.fields.filter(({ oneof }) => oneof === undefined)
  const fields = plain.map((field) => [field.localName, anyField(field, depth)])
  const oneofs = message.oneofs.map((oneof) => {
    const cases = oneof.fields.map((field) =>
      anyField(field, depth).map((value) => ({ case: field.localName, value })),
    )
    return [oneof.localName, fc.oneof({ depthSize: 'small' }, fc.constant(undefined), ...cases)]
  })
  return fc
    .record(Object.fromEntries([...fields, ...oneofs]), { requiredKeys: [] })
    .map((made) =>
      Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)),
    )
}

function anyField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'message':
      return anyOf(field.message, depth + 1)
    case 'enum':
      return fc.constantFrom(...field.enum.values.map(({ number }) => number))
    case 'scalar':
      return anyScalar(field.scalar)
    case 'map':
      return fc.dictionary(text, anyOf(field.message as DescMessage, depth + 1), { maxKeys: 2 })
    default: {
      const item =
        field.listKind === 'message' ? anyOf(field.message, depth + 1) : anyScalar(field.scalar)
      return fc.array(item, { maxLength: 3 })
    }
  }
}

const SCALARS = new Map<ScalarType | undefined, fc.Arbitrary<unknown>>([
  [ScalarType.STRING, text],
  [ScalarType.BOOL, fc.boolean()],
  [ScalarType.BYTES, fc.uint8Array({ maxLength: 40 })],
  [ScalarType.UINT32, fc.nat(0xffff_ffff)],
  [ScalarType.UINT64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
])

function anyScalar(scalar: ScalarType | undefined): fc.Arbitrary<unknown> {
  const any = SCALARS.get(scalar)
  if (any === undefined) throw new Error(`The test knows no values of the type ${scalar}`)
  return any
}

const byLibrary = <Schema extends DescMessage>(schema: Schema, made: MessageInitShape<Schema>) =>
  Buffer.from(toBinary(schema, create(schema, made)))

test('streamRequestBytes() are the bytes that the library makes', () => {
  fc.assert(
    fc.property(anyOf(AuthorizeStreamRequestSchema), (made) => {
      expect(streamRequestBytes(made)).toEqual(byLibrary(AuthorizeStreamRequestSchema, made))
    }),
    { numRuns: 1_000 },
  )
})

test('streamResponseBytes() are the bytes that the library makes', () => {
  fc.assert(
    fc.property(anyOf(AuthorizeStreamResponseSchema), (made) => {
      expect(streamResponseBytes(made)).toEqual(byLibrary(AuthorizeStreamResponseSchema, made))
    }),
    { numRuns: 1_000 },
  )
})

test('streamResponseBytes() of a plain allow are few', () => {
  const value = { decisionId: '01KB3X9Z7QABCDEFGHJKMNPQRS', effect: Effect.ALLOW }
  const bytes = streamResponseBytes({ correlation: 100, message: { case: 'decision', value } })
  expect(bytes.length).toBeLessThanOrEqual(34)
})

test('streamRequestBytes() begins afresh after a message that it could not encode', () => {
  const authorize = (container: unknown) => ({
    correlation: 1,
    message: { case: 'authorize' as const, value: { container: container as string } },
  })
  expect(() => streamRequestBytes(authorize(7))).toThrow()
  expect(streamRequestBytes(authorize('main'))).toEqual(
    byLibrary(AuthorizeStreamRequestSchema, authorize('main')),
  )
})
