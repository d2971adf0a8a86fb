import { expect, test } from 'vitest'
import { defineMaskProfile } from '../../core/masking/mask-profile.ts'
import { ToldProfiles } from './told-profiles.ts'

const first = defineMaskProfile('cards', { fields: 1 })
const second = defineMaskProfile('cards', { fields: 2 })
const other = defineMaskProfile('staff', { fields: 1 })

test.each([
  ['nothing', [], [], []],
  ['what an answer brings and names', [first], [first.id], [first]],
  ['no mask that is built in', [first], ['credentials', first.id], [first]],
  ['not what it brings and does not name', [first], [other.id], []],
  ['not an earlier definition of the same name', [first, second], [first.id], []],
  ['the last one of each name', [first, other, second], [second.id, other.id], [second, other]],
])('ToldProfiles.take() gives %s', (_name, told, named, want) => {
  expect(new ToldProfiles().take(told, named)).toEqual(want)
})

test('ToldProfiles.take() knows what earlier answers brought, until another of the same name comes', () => {
  const profiles = new ToldProfiles()
  profiles.take([first, other], [])
  expect(profiles.take([], [first.id])).toEqual([first])
  profiles.take([second], [second.id])
  expect(profiles.take([], [first.id, other.id])).toEqual([other])
})
