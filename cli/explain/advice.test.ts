import { expect, test } from 'vitest'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { adviceLines } from './advice.ts'

const refused = (refusedBy: string, reason: string) =>
  ({
    spec: { refusedBy, reason, verb: 'get', path: '/api', resource: '', alsoVerbs: [] },
  }) as unknown as AuditEventObject

test.each(['rbac_denies', 'no_rule', 'default_denies'])(
  'adviceLines() never says to grant anything to nobody: %s',
  (reason) => {
    const lines = adviceLines(refused('lanyard:unattributed', reason)).join('\n')
    expect(lines).toContain('kubectl lanyard reset KIND/NAME')
    expect(lines).not.toMatch(/RBAC allow|AccessPolicy/)
  },
)

test('adviceLines() says what to grant to a person', () => {
  expect(adviceLines(refused('alice', 'rbac_denies'))).toContain(
    'Let RBAC allow alice the verb get on /api.',
  )
})
