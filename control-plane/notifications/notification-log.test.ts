import { beforeEach, describe, expect, test } from 'vitest'
import { NOTIFICATIONS_MAX, type Notification, NotificationLog } from './notification-log.ts'

const STARTED_MS = 1_000

let log: NotificationLog
beforeEach(() => {
  log = new NotificationLog(STARTED_MS)
})

function put(name: string, phase: Notification['phase'] = 'Waiting'): void {
  log.put({
    ...{ name, namespace: 'team', request: '01', type: 'accessrequest.pending', webhook: 'chat' },
    ...{ createdAtMs: 0, phase, attempts: 0, reason: '' },
  })
}

const names = (afterSequence = 0) => log.list(afterSequence).map(({ name }) => name)

describe('NotificationLog', () => {
  test('keeps the place of what changes', () => {
    put('one')
    put('two')
    put('one', 'Delivered')
    expect(names()).toEqual(['one', 'two'])
    expect(names(1)).toEqual(['two'])
    expect(log.get('one')).toMatchObject({ phase: 'Delivered', sequence: 1 })
    expect(log.get('three')).toBeUndefined()
  })

  test('begins above every revision of an earlier process', () => {
    expect([log.revision(), log.forgottenUntil()]).toEqual([STARTED_MS, STARTED_MS])
    expect(log.changesAfter(STARTED_MS - 1)).toBeUndefined()
    put('one')
    expect(log.changesAfter(STARTED_MS)).toMatchObject([{ revision: STARTED_MS + 1, gone: false }])
  })

  test('tells who listens, until they stop', () => {
    let told = 0
    const stop = log.onChange(() => {
      told += 1
    })
    put('one')
    stop()
    put('two')
    expect(told).toBe(1)
  })

  test('makes room by the oldest that does not wait, and says so', () => {
    put('waits')
    put('over', 'Dead')
    for (let number = 3; number <= NOTIFICATIONS_MAX; number += 1) put(`n-${number}`)
    expect(names()).toHaveLength(NOTIFICATIONS_MAX)
    put('last')
    expect(names()).toHaveLength(NOTIFICATIONS_MAX)
    expect([log.get('waits') === undefined, log.get('over')]).toEqual([false, undefined])
    expect(log.changesAfter(log.revision() - 1)).toMatchObject([
      { gone: true, notification: { name: 'over' } },
    ])
  })

  test('says when changes are no longer known', () => {
    for (let number = 0; number <= 4_000; number += 1) put('one')
    expect(log.forgottenUntil()).toBe(STARTED_MS + 2_000)
    expect(log.changesAfter(STARTED_MS + 1_999)).toBeUndefined()
    expect(log.changesAfter(STARTED_MS + 2_000)).toHaveLength(2_001)
  })
})
