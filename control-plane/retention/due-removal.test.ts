import { expect, test } from 'vitest'
import { dueRemovals } from './due-removal.ts'

const DAY_MS = 86_400_000
const NOW_MS = 1_000 * DAY_MS
const NONE = { daysMax: 0, bytesMax: 0, freeBytesMin: 0 }
const state = { nowMs: NOW_MS, usedBytes: 100, freeBytes: 100 }
const age = (days: number) => ({ reason: 'age', decidedBeforeMs: NOW_MS - days * DAY_MS })
const yesterday = NOW_MS - DAY_MS

test.each([
  ['nothing without limits', {}, []],
  ['what is older than the days', { daysMax: 90 }, [age(90)]],
  ['nothing at the size that is allowed', { bytesMax: 100 }, []],
  [
    'for its size, yet nothing of the last day',
    { bytesMax: 99 },
    [{ reason: 'size', decidedBeforeMs: yesterday }],
  ],
  ['nothing at the room that is wanted', { freeBytesMin: 100 }, []],
  [
    'for room, yet nothing of the last day',
    { freeBytesMin: 101 },
    [{ reason: 'space', decidedBeforeMs: yesterday }],
  ],
  [
    'for each reason',
    { daysMax: 1, bytesMax: 1, freeBytesMin: 1_000 },
    [
      age(1),
      { reason: 'size', decidedBeforeMs: yesterday },
      { reason: 'space', decidedBeforeMs: yesterday },
    ],
  ],
])('dueRemovals() takes %s', (_name, limits, want) => {
  expect(dueRemovals({ ...NONE, ...limits }, state)).toEqual(want)
})
