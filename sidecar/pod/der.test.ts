import { expect, test } from 'vitest'
import {
  bitString,
  booleanTrue,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts'

test.each([
  ['integer() of zero', integer(Buffer.from([0])), '020100'],
  ['integer() without leading zeros', integer(Buffer.from([0, 0, 5])), '020105'],
  ['integer() that would read as negative', integer(Buffer.from([0x80])), '02020080'],
  ['booleanTrue()', booleanTrue(), '0101ff'],
  ['bitString() with unused bits', bitString(Buffer.from([0x80]), 7), '03020780'],
  ['octetString()', octetString(Buffer.from('ab')), '04026162'],
  ['utf8String()', utf8String('é'), '0c02c3a9'],
  ['sequence() of nothing', sequence(), '3000'],
  ['set()', set(integer(Buffer.from([1]))), '3103020101'],
  ['tagged()', tagged(0x82, Buffer.from('x')), '820178'],
  ['objectIdentifier() of RSA', objectIdentifier('1.2.840.113549'), '06062a864886f70d'],
  ['objectIdentifier() of an extension', objectIdentifier('2.5.29.15'), '0603551d0f'],
  [
    'time() before 2050',
    time(new Date('2049-12-31T23:59:59Z')),
    `170d${Buffer.from('491231235959Z').toString('hex')}`,
  ],
  [
    'time() from 2050 on',
    time(new Date('2050-01-01T00:00:00Z')),
    `180f${Buffer.from('20500101000000Z').toString('hex')}`,
  ],
])('%s', (_name, bytes, want) => {
  expect(bytes.toString('hex')).toBe(want)
})

test.each([
  [127, '047f'],
  [128, '048180'],
  [256, '04820100'],
  [65_536, '0483010000'],
])('octetString() writes a length of %i bytes', (length, want) => {
  expect(octetString(Buffer.alloc(length)).toString('hex').slice(0, want.length)).toBe(want)
})
