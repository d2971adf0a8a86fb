import { expect, test } from 'vitest'
import { OpenRecords } from './open-records.ts'

const place = (sequence: number) => ({ sequence, podUid: 'a pod' })

test('OpenRecords remembers places until they are closed or all are cleared', () => {
  const open = new OpenRecords()
  for (const number of [1, 2, 3]) open.add(String(number), place(number))
  open.close('2')
  expect(open.find('1')).toEqual(place(1))
  expect(open.find('2')).toBeUndefined()
  expect(open.find('none')).toBeUndefined()
  open.clear()
  expect(open.find('1')).toBeUndefined()
})

test('OpenRecords forgets the oldest and does not grow without end', () => {
  const open = new OpenRecords()
  for (let number = 0; number < 40_000; number += 1) open.add(String(number), place(number))
  expect(open.size).toBe(32_768)
  expect(open.find('0')).toBeUndefined()
  expect(open.find('39999')).toEqual(place(39_999))
})
