import { expect, test } from 'vitest'
import { requestersBeside } from './chain-tree.ts'

const bob = { username: 'bob', groups: ['developers'] }

test.each([
  ['nobody of nobody', [], [], []],
  ['one who is there', [bob], [{ ...bob }], []],
  ['one who is new', [bob], [], [bob]],
  ['the same name with other groups', [bob], [{ ...bob, groups: ['admins'] }], [bob]],
  ['the same name with another UID', [bob], [{ ...bob, uid: 'x' }], [bob]],
  [
    'the same groups in another order',
    [{ ...bob, groups: ['b', 'a'] }],
    [{ ...bob, groups: ['a', 'b'] }],
    [],
  ],
])('requestersBeside() finds %s', (_name, own, others, want) => {
  expect(requestersBeside(own, others)).toEqual(want)
})
