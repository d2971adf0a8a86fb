import { beforeAll, describe, expect, test } from 'vitest'
import { toAuditEventObject } from '../../control-plane/access-api/access-object.ts'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { aDecision, anOutcome, aRefusal } from '../../test/support/record-builders.ts'
import { variousRecords } from '../../test/support/various-records.ts'
import type { AuditEventObject } from '../objects/access-objects.ts'
import { AUDIT_FORMS, type AuditFormName, formOf } from './audit-form.ts'

const NAMES = Object.keys(AUDIT_FORMS) as readonly AuditFormName[]

let events: readonly AuditEventObject[]

beforeAll(async () => {
  const store = createMemoryAuditEventStore()
  const records = [aDecision(1), aRefusal(2), aDecision(3), ...variousRecords()]
  for (const record of records) await store.append(record)
  for (const { id, caller } of records.slice(0, 5)) {
    const parts = { httpStatus: 503, fault: 'overloaded', withheld: true as const }
    await store.complete(caller.podUid, id, anOutcome(1, parts))
  }
  const { events: stored } = await store.list({}, { afterSequence: 0, limit: 100 })
  events = stored.map(toAuditEventObject)
})

/** Every text and number deep in a value; a text that is JSON is looked into. */
function leavesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value, ...parsedLeaves(value)]
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Object.values(value).flatMap(leavesOf)
}

function parsedLeaves(text: string): readonly string[] {
  return /^[[{]/.test(text) ? leavesOf(JSON.parse(text)) : []
}

/** A leaf as a form may write it: a time in milliseconds too. */
function isIn(leaf: string, written: readonly string[]): boolean {
  const time = /^\d{4}-\d\d-\d\dT/.test(leaf) ? String(Date.parse(leaf)) : leaf
  return written.some((text) => text.includes(leaf) || text === time)
}

describe.each(NAMES)('AUDIT_FORMS %s', (name) => {
  test('loses nothing of what is recorded', () => {
    const { toObject } = AUDIT_FORMS[name]
    const lost = events.flatMap((event) => {
      const written = leavesOf(JSON.parse(JSON.stringify(toObject(event))))
      const { phase: _phase, ...status } = event.status
      const leaves = leavesOf({ ...event.spec, ...status })
      return leaves.filter((leaf) => leaf !== '' && !isIn(leaf, written))
    })
    expect(lost).toEqual([])
  })

  test('names the decision', () => {
    const { toObject, idOf } = AUDIT_FORMS[name]
    const ids = events.map((event) => idOf(JSON.parse(JSON.stringify(toObject(event)))))
    expect(ids).toEqual(events.map(({ metadata }) => metadata.uid))
  })

  test('is known again', () => {
    expect(events.map((event) => formOf(AUDIT_FORMS[name].toObject(event)))).toEqual(
      events.map(() => name),
    )
  })
})

test.each([[undefined], [null], ['text'], [{}], [[]], [{ kind: 'Event' }], [{ kind: 'Pod' }]])(
  'formOf() of %j is none',
  (value) => {
    expect(formOf(value)).toBeUndefined()
  },
)

test('toKubernetesAuditEvent() tells open requests, refusals and failures apart', () => {
  const { toObject } = AUDIT_FORMS['audit.k8s.io']
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test looks at
  const shapes = events.map((event) => toObject(event) as any)
  expect(shapes.map(({ stage }) => stage)).toEqual([
    ...events.slice(0, 5).map(() => 'ResponseComplete'),
    ...events.slice(5).map(() => 'ResponseStarted'),
  ])
  expect(shapes[1].responseStatus).toMatchObject({ status: 'Failure', reason: 'Forbidden' })
  expect(shapes[0].responseStatus).toMatchObject({ status: 'Failure', reason: 'overloaded' })
  expect(shapes[0].user).toMatchObject({
    username: 'system:serviceaccount:team:agent',
    extra: { 'lanyard.dev/root-requester': ['alice'] },
  })
})

test.each([
  ['get', 2],
  ['list', 2],
  ['create', 1],
  ['patch', 3],
  ['deletecollection', 4],
  ['escalate', 99],
])('toOcsfApiActivity() of %s is activity %i', (verb, want) => {
  const [event] = events
  const object = { ...event, spec: { ...event?.spec, verb } } as AuditEventObject
  expect(AUDIT_FORMS.ocsf.toObject(object)).toMatchObject({
    activity_id: want,
    type_uid: 600_300 + want,
  })
})
