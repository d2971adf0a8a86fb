import { expect, test } from 'vitest'
import { isKnownWireVersion, WIRE_VERSION, whyOutsideSkew } from './version-skew.ts'

test.each([
  ['its own', WIRE_VERSION, true],
  ['none, as of a side that is older than the question', 0, true],
  ['the next', WIRE_VERSION + 1, false],
  ['a negative one', -1, false],
  ['none that is a number', Number.NaN, false],
])('isKnownWireVersion() of %s', (_name, said, want) => {
  expect(isKnownWireVersion(said)).toBe(want)
})

test.each([
  ['the same', '0.4.2', '0.4.2'],
  ['another patch', '0.4.0', '0.4.9'],
  ['a newer patch', '0.4.9', '0.4.0'],
  ['one minor version behind', '0.3.7', '0.4.0'],
  ['a prerelease', '0.4.0-rc.1', '0.4.0'],
  ['a version with a v', 'v0.4.0', '0.4.0'],
])('whyOutsideSkew() is nothing for %s', (_name, sidecar, controlPlane) => {
  expect(whyOutsideSkew(sidecar, controlPlane)).toBeUndefined()
})

test.each([
  ['two minor versions behind', '0.2.0', '0.4.0', /more than 1 minor version behind/],
  ['a newer minor version', '0.5.0', '0.4.9', /is newer/],
  ['another major version', '1.4.0', '0.4.0', /another major version/],
  ['nothing', '', '0.4.0', /does not say/],
  ['what is no version', 'latest', '0.4.0', /does not say/],
  ['a control plane without one', '0.4.0', '', /cannot be compared/],
])('whyOutsideSkew() says so for %s', (_name, sidecar, controlPlane, want) => {
  expect(whyOutsideSkew(sidecar, controlPlane)).toMatch(want)
})
