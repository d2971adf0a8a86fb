import { create, toBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outcome } from '../core/audit/audit-event.ts'
import { NO_OBLIGATIONS } from '../core/policy/obligations.ts'
import { aRequest } from '../test/support/policy-builders.ts'
import { AGENT, aChain, aDecision } from '../test/support/record-builders.ts'
import { variousRecords } from '../test/support/various-records.ts'
import { type DecisionPart, decisionToMessage, outcomeToMessage } from './audit-event-message.ts'
import { type Record as RecordMessage, RecordSchema } from './gen/lanyard/v1/record_pb.ts'
import { plainDecisionBytes, plainOutcomeBytes } from './plain-record.ts'

const DIGEST = new Uint8Array(32).map((_, index) => index * 7)
/** Any text at all, half a character included, and of lengths around those that a length prefix grows at. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', 'pods', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '\ud800', '\0'),
  fc.constant('y'.repeat(17_000)),
)
const ms = fc.integer({ min: 0, max: 8_640_000_000_000_000 })
const absent = fc.constant(undefined)

/** What is there of optional fields. */
function kept<Fields extends object>(fields: Fields) {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as {
    readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined>
  }
}

/** Every field: one that is added has to be told here, and then to `plain-record.ts`. */
const fields = {
  id: text,
  decidedAtMs: ms,
  caller: fc.constant(AGENT),
  container: text,
  cluster: fc.record({ id: text, name: text }),
  chain: fc.constant(aChain([AGENT])),
  attributes: fc
    .record({
      ...{ verb: text, resourceRequest: fc.boolean(), apiGroup: text, apiVersion: text },
      ...{ resource: text, subresource: text, namespace: text, name: text, path: text },
      alsoVerbs: fc.array(text, { maxLength: 3 }),
      ...{ exec: absent, portForward: absent },
    } satisfies { [Key in keyof Required<DecisionPart['attributes']>]: fc.Arbitrary<unknown> })
    .map(({ exec: _, portForward: __, ...plain }) => plain),
  effect: fc.constantFrom('allow', 'hold', 'deny'),
  reason: text,
  refusedBy: text,
  rule: text,
  matches: fc.array(
    fc.record({
      principal: text,
      role: fc.constantFrom('root requester', 'impersonated'),
      rules: fc.array(
        fc.record({ name: text, effect: fc.constantFrom('Allow', 'RequireApproval', 'Deny') }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
  obligations: fc.constant(NO_OBLIGATIONS),
  observed: fc.boolean(),
  userAgent: text,
  message: text,
  sentAhead: fc.constantFrom(true, undefined),
  impersonatedUser: absent,
  grantId: absent,
  summary: absent,
} satisfies { [Key in keyof Required<DecisionPart>]: fc.Arbitrary<unknown> }
const decision = fc.record(fields).map(
  ({ summary: _, grantId: __, sentAhead, ...event }): DecisionPart => ({
    ...event,
    ...kept({ sentAhead }),
  }),
)

const outcome = fc
  .record({
    httpStatus: fc.integer({ min: 0, max: 0xffff_ffff }),
    fault: text,
    responseBytes: fc.maxSafeNat(),
    completedAtMs: ms,
    withheld: fc.constantFrom(true, undefined),
    masked: fc.option(
      fc.array(fc.record({ mask: text, values: fc.maxSafeNat() }), { maxLength: 3 }),
      { nil: undefined },
    ),
  } satisfies { [Key in keyof Required<Outcome>]: fc.Arbitrary<unknown> })
  .map(({ withheld, masked, ...made }): Outcome => ({ ...made, ...kept({ withheld, masked }) }))

const libraryBytes = (record: RecordMessage['record']) =>
  Buffer.from(toBinary(RecordSchema, create(RecordSchema, { record } as RecordMessage)))
const decisionByLibrary = (event: DecisionPart) =>
  libraryBytes({ case: 'decision', value: decisionToMessage(event, DIGEST) } as never)

test('plainDecisionBytes() are the bytes that the library makes', () => {
  fc.assert(
    fc.property(decision, (event) => {
      expect(plainDecisionBytes(event, DIGEST)).toEqual(decisionByLibrary(event))
    }),
  )
})

test('plainDecisionBytes() of decisions as they are made', () => {
  const { chain, ...request } = aDecision(1)
  expect(plainDecisionBytes({ ...request, chain }, DIGEST)).toEqual(decisionByLibrary(aDecision(1)))
})

test('plainDecisionBytes() leaves to the library what it does not know', () => {
  const rare = variousRecords().filter(
    ({ attributes: { exec, portForward }, obligations, impersonatedUser, summary }) =>
      (exec ?? portForward ?? impersonatedUser ?? summary) !== undefined ||
      obligations !== aDecision(1).obligations,
  )
  expect(rare.length).toBeGreaterThan(4)
  expect(rare.map((event) => plainDecisionBytes(event, DIGEST))).toEqual(rare.map(() => undefined))
})

test('plainDecisionBytes() begins afresh after a decision that it could not encode', () => {
  const broken = aDecision(1, {
    attributes: aRequest({ alsoVerbs: [undefined as unknown as string] }),
  })
  expect(() => plainDecisionBytes(broken, DIGEST)).toThrow()
  expect(plainDecisionBytes(aDecision(2), DIGEST)).toEqual(decisionByLibrary(aDecision(2)))
})

test('plainOutcomeBytes() are the bytes that the library makes', () => {
  fc.assert(
    fc.property(text, outcome, (id, made) => {
      const value = outcomeToMessage(id, made)
      expect(plainOutcomeBytes(id, made)).toEqual(libraryBytes({ case: 'outcome', value } as never))
    }),
  )
})

test('plainOutcomeBytes() has a time of 1970 and one with milliseconds', () => {
  for (const completedAtMs of [0, 1, 999, 1_000, 1_795_000_000_123]) {
    const made = { httpStatus: 200, fault: '', responseBytes: 0, completedAtMs }
    const value = { ...outcomeToMessage('id', made), completedAt: timestampFromMs(completedAtMs) }
    expect(plainOutcomeBytes('id', made)).toEqual(libraryBytes({ case: 'outcome', value } as never))
  }
})
