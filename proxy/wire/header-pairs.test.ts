import { expect, test } from 'vitest'
import { headerValue, headerValues, withoutHeaders } from './header-pairs.ts'

const HEADERS = ['Accept', 'a/b', 'X-A', 'accept', 'ACCEPT', '', 'X-B', '1']

test.each([
  ['accept', 'a/b', ['a/b', '']],
  ['x-b', '1', ['1']],
  ['x-c', undefined, []],
  // A value is no name.
  ['a/b', undefined, []],
])('headerValue() and headerValues() of %s', (name, first, all) => {
  expect(headerValue(HEADERS, name)).toBe(first)
  expect(headerValues(HEADERS, name)).toEqual(all)
})

test.each([
  ['none', [], HEADERS],
  ['one that is not there', ['x-c'], HEADERS],
  ['one of several values', ['accept'], ['X-A', 'accept', 'X-B', '1']],
  ['two', ['accept', 'x-a'], ['X-B', '1']],
])('withoutHeaders() takes %s away', (_name, names, want) => {
  expect(withoutHeaders(HEADERS, ...names)).toEqual(want)
})
