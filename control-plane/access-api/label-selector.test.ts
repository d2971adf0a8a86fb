import { expect, test } from 'vitest'
import { selectsUnlabelled } from './label-selector.ts'

test.each([
  ['', true],
  ['app!=web', true],
  ['!app', true],
  ['app notin (a,b)', true],
  ['!app,tier notin (a, b)', true],
  ['app=web', false],
  ['app==web', false],
  ['app', false],
  ['app in (a,b)', false],
  ['example.com/app=web,!tier', false],
  ['size>3', false],
])('selectsUnlabelled() reads %j as %s', (selector, want) => {
  expect(selectsUnlabelled(selector)).toBe(want)
})

test.each(['=', 'a=b=c', 'app in', 'app in (a', ',', 'a b'])(
  'selectsUnlabelled() refuses %j',
  (selector) => {
    expect(() => selectsUnlabelled(selector)).toThrow(/cannot be parsed/)
  },
)
