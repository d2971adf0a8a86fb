import { expect, test } from 'vitest'
import { effectOfVariable, mayDecide } from './environment.ts'

test.each([
  ['PATH', 'decides'],
  ['ld_preload', 'decides'],
  ['BASH_FUNC_ls%%', 'decides'],
  ['LANG', 'none'],
  ['APP_MODE', 'unknown'],
])('effectOfVariable() of %s: %s', (name, want) => {
  expect(effectOfVariable(name)).toBe(want)
})

test.each([
  ['', true],
  ['P', true],
  ['LD_', true],
  ['LD_X_', true],
  ['BASH_', true],
  ['PS', true],
  ['APP_', false],
  ['PATH_', false],
  ['DATABASE_', false],
])('mayDecide() of the prefix %j: %s', (prefix, want) => {
  expect(mayDecide(prefix)).toBe(want)
})
