import { expect, test } from 'vitest'
import { userFileName } from './user-kubeconfig.ts'

const LONG = 'system:serviceaccount:'.repeat(5)

interface ApartCase {
  readonly name: string
  readonly one: readonly [string, readonly string[]]
  readonly other: readonly [string, readonly string[]]
}

const apart: readonly ApartCase[] = [
  { name: 'groups are not the same', one: ['alice', []], other: ['alice', ['admins']] },
  { name: 'names differ where a file name cannot', one: ['a:b', []], other: ['a/b', []] },
  { name: 'long names differ at their end', one: [`${LONG}a`, []], other: [`${LONG}b`, []] },
  { name: 'a group looks like two', one: ['a', ['b,c']], other: ['a', ['b', 'c']] },
]

test.each(apart)('userFileName() keeps users apart whose $name', ({ one, other }) => {
  expect(userFileName(...one)).not.toBe(userFileName(...other))
})

test('userFileName() does not mind the order of groups, and fits a file system', () => {
  expect(userFileName('a', ['x', 'y'])).toBe(userFileName('a', ['y', 'x']))
  expect(userFileName(`../${LONG}`, [])).toMatch(/^user-[a-zA-Z0-9._-]{1,80}$/)
})
