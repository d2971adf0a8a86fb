import { expect, test } from 'vitest'
import { requireRoot } from './require-root.ts'

test('requireRoot() tells whoever is not root what to do', () => {
  expect(() => requireRoot(1_000)).toThrow(/run this as root/)
})

test('requireRoot() lets root pass', () => expect(() => requireRoot(0)).not.toThrow())
