import type { NewAuditEvent } from '../../control-plane/store/audit-event-store.ts'
import { aRequest } from './policy-builders.ts'
import { AGENT, aChain, aDecision, aRefusal, aUser, BUILD } from './record-builders.ts'

/** Number of the first of them; the others follow. */
export const VARIOUS_FIRST = 21

/** Records with everything that a decision can hold beside the ordinary, one kind each. */
export function variousRecords(): readonly NewAuditEvent[] {
  const exec = aRequest({ verb: 'create', resource: 'pods', subresource: 'exec', name: 'db' })
  return [
    aDecision(VARIOUS_FIRST, {
      attributes: {
        ...exec,
        exec: {
          command: ['sh', '-c', 'echo "a  b" && rm x'],
          ...{ stdin: true, stdout: true, stderr: false, tty: true, container: 'main' },
          env: ['DEBUG=1'],
          commandShortened: { count: 7, sha256: 'ab'.repeat(32) },
        },
      },
      effect: 'hold',
      reason: 'approval_required',
      refusedBy: 'alice',
      message: 'pods "db" waits for an approval',
      matches: [
        {
          principal: 'alice',
          role: 'root requester',
          rules: [{ name: 'agents/ask', effect: 'RequireApproval' }],
        },
      ],
    }),
    aDecision(VARIOUS_FIRST + 1, {
      rule: 'agents/masked',
      reason: 'policy_allows',
      obligations: { mask: ['secret-values'], record: 'output', commands: [['rm', '*']] },
    }),
    aRefusal(VARIOUS_FIRST + 2, {
      summary: { count: 12, lastAtMs: 1_795_000_000_000, samples: ['get /api/v1/secrets/x'] },
    }),
    aDecision(VARIOUS_FIRST + 3, {
      impersonatedUser: { ...aUser('bob', ['ops']), uid: 'u-1', extra: { scope: ['a', 'b'] } },
      cluster: { id: 'cluster-uid', name: 'prod-1' },
    }),
    aDecision(VARIOUS_FIRST + 4, {
      attributes: {
        ...aRequest({ verb: 'create', resource: 'pods', subresource: 'portforward', name: 'db' }),
        portForward: { ports: [5432, 8080] },
      },
    }),
    aRefusal(VARIOUS_FIRST + 5, {
      caller: BUILD,
      chain: { ...aChain([AGENT, BUILD]), coRequesters: [aUser('carol', ['web'])] },
      attributes: aRequest({ verb: 'escalate', alsoVerbs: ['bind'], apiGroup: 'rbac', name: '' }),
      observed: true,
      userAgent: '',
    }),
    aRefusal(VARIOUS_FIRST + 6, { sentAhead: true }),
  ]
}
