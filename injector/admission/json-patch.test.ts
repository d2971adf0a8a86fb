import { describe, expect, test } from 'vitest'
import type { Pod } from '../../core/pods/pod.ts'
import { firstDifference, podPatch } from './json-patch.ts'

const base: Pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }] } }

describe('podPatch()', () => {
  test.each<{ name: string; after: Pod; want: readonly object[] }>([
    { name: 'says nothing about equal pods', after: structuredClone(base), want: [] },
    {
      name: 'adds a field that was not there',
      after: { ...base, metadata: { name: 'p', annotations: { 'a/b': '1' } } },
      want: [{ op: 'add', path: '/metadata/annotations', value: { 'a/b': '1' } }],
    },
    {
      name: 'replaces a field that was there',
      after: { ...base, spec: { containers: [{ name: 'b' }] } },
      want: [{ op: 'replace', path: '/spec/containers', value: [{ name: 'b' }] }],
    },
    {
      name: 'takes out a field that is gone',
      after: { ...base, metadata: {} },
      want: [{ op: 'remove', path: '/metadata/name' }],
    },
    {
      name: 'leaves everything outside metadata and spec alone',
      after: { ...base, status: { phase: 'Running' } },
      want: [],
    },
  ])('$name', ({ after, want }) => {
    expect(podPatch(base, after)).toEqual(want)
  })
})

describe('firstDifference()', () => {
  test.each<{ name: string; want: unknown; have: unknown; path: string | undefined }>([
    { name: 'finds none', want: { a: [1] }, have: { a: [1] }, path: undefined },
    { name: 'names a field', want: { a: { b: 1 } }, have: { a: { b: 2 } }, path: '.a.b' },
    { name: 'names an item', want: { a: [1, 2] }, have: { a: [1, 3] }, path: '.a[1]' },
    { name: 'names an item too many', want: { a: [1] }, have: { a: [1, 2] }, path: '.a[1]' },
    { name: 'names a missing item', want: { a: [1, 2] }, have: { a: [1] }, path: '.a[1]' },
    { name: 'names a field too many', want: {}, have: { x: null }, path: '.x' },
    { name: 'tells null from an object', want: { a: {} }, have: { a: null }, path: '.a' },
    { name: 'tells a list from an object', want: { a: [] }, have: { a: {} }, path: '.a' },
    { name: 'tells a number from its text', want: { a: 1 }, have: { a: '1' }, path: '.a' },
  ])('$name', ({ want, have, path }) => {
    expect(firstDifference(want, have)).toBe(path)
  })
})
