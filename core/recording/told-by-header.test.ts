import { expect, test } from 'vitest'
import { toldByHeader } from './told-by-header.ts'

test.each([
  ['nothing', {}, {}],
  ['nothing of other types', { srcNodeUser: 7, kubernetes: 'x', title: null, timestamp: 'x' }, {}],
  ['the user of a login', { sshUser: 'root' }, { user: 'root' }],
  ['a command of Lanyard', { lanyard: { command: ['a', 'b'] } }, { command: 'a b' }],
  ['the time, as text', { timestamp: 1.9 }, { recordedAt: '1970-01-01T00:00:01.000Z' }],
  ['no time before 1970', { timestamp: 0 }, {}],
  ['a text, shortened', { title: 'x'.repeat(600) }, { title: 'x'.repeat(512) }],
])('toldByHeader() tells %s', (_name, fields, want) => {
  expect(toldByHeader(fields)).toEqual(want)
})
