import { expect, test } from 'vitest'
import { imageReferences } from './suite-images.ts'

test.each([
  [
    'registry.k8s.io/e2e-test-images/agnhost:2.66.1\n',
    ['registry.k8s.io/e2e-test-images/agnhost:2.66.1'],
  ],
  ['registry.k8s.io/pause:3.10.2\nPASS\n', ['registry.k8s.io/pause:3.10.2']],
  ['registry.k8s.io/b:1\nregistry.k8s.io/a:1\n', ['registry.k8s.io/a:1', 'registry.k8s.io/b:1']],
  ['gcr.io/k8s-authenticated-test/agnhost:2.6\ninvalid.registry.k8s.io/invalid/alpine:3.1\n', []],
  ['', []],
  ['W1127 a warning: of some kind\nINFO: x\n', []],
])('imageReferences() of %j', (listed, want) => {
  expect(imageReferences(listed)).toEqual(want)
})
