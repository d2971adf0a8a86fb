import { expect, test } from 'vitest'
import { imageReferences } from './suite-images.ts'

test.each([
  [
    'registry.k8s.io/e2e-test-images/agnhost:2.66.1\n',
    ['registry.k8s.io/e2e-test-images/agnhost:2.66.1'],
  ],
  ['registry.k8s.io/pause:3.10.2\nPASS\n', ['registry.k8s.io/pause:3.10.2']],
  ['', []],
  ['W1127 a warning: of some kind\nINFO: x\n', []],
])('imageReferences() of %j', (listed, want) => {
  expect(imageReferences(listed)).toEqual(want)
})
