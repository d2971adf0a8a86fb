import { expect, test } from 'vitest'
import {
  decisionIdIn,
  decisionIdTimeMs,
  IDS_PER_MS,
  isDecisionId,
  isInLane,
  isLane,
  laneFromBytes,
} from './decision-id.ts'

const LANE = '0123456789'

test.each([
  [0, 0, '00000000000123456789000000'],
  [1_795_000_000_123, 33, '01M7Q5CQKV0123456789000011'],
  [2 ** 48 - 1, IDS_PER_MS - 1, '7ZZZZZZZZZ0123456789ZZZZZZ'],
])('decisionIdIn() at %i is id number %i, a ULID', (atMs, own, id) => {
  expect(decisionIdIn(LANE, atMs, own)).toBe(id)
  expect(isDecisionId(id)).toBe(true)
  expect(decisionIdTimeMs(id)).toBe(atMs)
  expect(isInLane(id, LANE)).toBe(true)
})

test.each([
  ['nothing', ''],
  ['lower case', '01m7syqtzv0123456789000011'],
  ['a digit that ULIDs leave out', '01M7Q5CQKV012345678900001U'],
  ['one digit fewer', '01M7Q5CQKV012345678900001'],
  ['one digit more', '01M7Q5CQKV01234567890000111'],
  ['more than 128 bits', '81M7SYQTZV0123456789000011'],
  ['a line end', '01M7Q5CQKV0123456789000011\n'],
])('isDecisionId() is false for %s', (_name, text) => {
  expect(isDecisionId(text)).toBe(false)
})

test.each([
  ['another lane', '01M7Q5CQKV0123456788000011'],
  ['the lane at another place', '01234567890M7SYQTZV0000011'],
])('isInLane() is false for %s', (_name, id) => {
  expect(isInLane(id, LANE)).toBe(false)
})

test.each([
  [[0, 0, 0, 0, 0, 0, 0], '0000000000'],
  [[255, 255, 255, 255, 255, 255, 255], 'ZZZZZZZZZZ'],
  [[0, 0, 0, 0, 0, 0, 64, 9], '0000000001'],
])('laneFromBytes() of %j is %s', (bytes, lane) => {
  expect(laneFromBytes(Uint8Array.from(bytes))).toBe(lane)
  expect(isLane(lane)).toBe(true)
})

test.each([[''], ['012345678'], ['01234567890'], ['o123456789'], ['012345678U']])(
  'isLane() is false for %j',
  (text) => {
    expect(isLane(text)).toBe(false)
  },
)
