import { expect, test } from 'vitest'
import { parseContinueToken, toContinueToken } from './continue-token.ts'

test.each([
  { afterSequence: 0, revision: 0 },
  { afterSequence: 500, revision: 1_200, untilSequence: 1_100 },
])('parseContinueToken() reads what toContinueToken() wrote: %o', (position) => {
  expect(parseContinueToken(toContinueToken(position))).toEqual(position)
})

test.each([
  '',
  'x',
  encode('[]'),
  encode('[2,1,1]'),
  encode('[1,-1,1]'),
  encode('[1,1,1,1,1]'),
  encode('{}'),
])('parseContinueToken() refuses %j', (token) => {
  expect(() => parseContinueToken(token)).toThrow('The continue token is not valid')
})

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}
