import { expect, test } from 'vitest'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { toAuditEventObject } from '../../control-plane/access-api/access-object.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { aDecision, anOutcome, aRefusal } from '../../test/support/record-builders.ts'
import { forwardingText } from './forwarding-text.ts'

function event(parts: Omit<AuditEvent, 'sequence' | 'lastSequence'>): AuditEventObject {
  return toAuditEventObject({ sequence: 1, lastSequence: 1, ...parts })
}

const FAILED = anOutcome(1, { httpStatus: 503, fault: 'decision_unavailable', withheld: true })
const SENT = { sentAhead: true } as const

test.each<[string, AuditEventObject, string]>([
  ['an allow', event(aDecision(1)), 'forwarded with'],
  ['a refusal', event(aRefusal(1)), 'nothing was forwarded'],
  [
    'an allow that failed',
    event({ ...aDecision(1), outcome: { ...FAILED, withheld: undefined } as never }),
    'to be forwarded with',
  ],
  ['a read that was sent ahead', event(aDecision(1, SENT)), 'forwarded with'],
  ['a refusal of such a one', event(aRefusal(1, SENT)), 'the pod did not get the answer'],
  [
    'an answer that was thrown away',
    event({ ...aRefusal(1, SENT), outcome: FAILED }),
    'the answer was thrown away',
  ],
  [
    'an allowed one',
    event({ ...aDecision(1, SENT), outcome: FAILED }),
    'the answer was thrown away',
  ],
])('forwardingText() of %s', (_name, object, text) => {
  expect(forwardingText(object)).toContain(text)
})

test.each([event(aDecision(1)), event(aRefusal(1, SENT))])(
  'forwardingText() names the id that the API server has for it',
  (object) => {
    expect(forwardingText(object)).toContain(`Audit-ID at kube-apiserver: ${object.metadata.uid}`)
  },
)
