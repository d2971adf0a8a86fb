import { expect, test } from 'vitest'
import { expandVariables, type VariableLookup } from './expand-variables.ts'

const VARIABLES: Readonly<Record<string, { readonly value: string | undefined }>> = {
  X: { value: 'rm' },
  SECRET: { value: undefined },
  EMPTY: { value: '' },
}
const lookUp: VariableLookup = (name) =>
  Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined

test('expandVariables() does not know what grows without end', () => {
  const long: VariableLookup = () => ({ value: 'x'.repeat(1_000) })
  const { text, exact } = expandVariables('$(A)'.repeat(100_000), long)
  expect(exact).toBe(false)
  expect(text).toHaveLength(65_536)
})

/* The rows are those of Kubernetes' own test of expansion, and what a shell's `$(…)` looks like. */
test.each([
  ['plain', 'plain', true],
  ['$(X)', 'rm', true],
  ['a$(X)b$(X)', 'armbrm', true],
  ['$(EMPTY)', '', true],
  ['$(UNKNOWN)', '$(UNKNOWN)', true],
  ['$$(X)', '$(X)', true],
  ['$$$(X)', '$rm', true],
  ['$$$$(X)', '$$(X)', true],
  ['echo $$', 'echo $', true],
  ['echo $(date +%s)', 'echo $(date +%s)', true],
  ['$X $[X]', '$X $[X]', true],
  ['$(X', '$(X', true],
  ['$', '$', true],
  ['a$', 'a$', true],
  ['$(SECRET)', '$(SECRET)', false],
  ['$($(X))', '$($(X))', true],
  ['', '', true],
])('expandVariables() of %s', (text, want, exact) => {
  expect(expandVariables(text, lookUp)).toEqual({ text: want, exact })
})
