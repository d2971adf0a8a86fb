import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeDue } from '../../../control-plane/approvals/due-approvals.ts'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import type { AccessGrant, AccessRequest } from '../../../core/approvals/access-request.ts'
import { SCOPES } from '../../../core/approvals/approval.ts'
import {
  aHeldRequest,
  aHeldRule,
  aNewRequest,
  aPerson,
  HELD_AT_MS,
  startApprovalsAt,
} from '../../support/approval-parts.ts'
import { AGENT, aDecision, aDecisionId } from '../../support/record-builders.ts'

/*
 * The life of one request, in the store and by its rules, beside a reference of a few lines: whatever happens at the
 * same time, a request and its grant have one end each, and a grant lets through what it may and no more.
 */

const SEQUENCES = 10_000
const SEED = 20261128

const PEOPLE = ['alice', 'oscar', 'olga', 'eve'] as const
const APPROVERS: readonly string[] = ['oscar', 'olga']
const person = (name: string) =>
  aPerson(name, { groups: name === 'eve' ? [] : ['oncall', 'system:authenticated'] })

const who = fc.constantFrom(...PEOPLE)
const approval = fc.record({
  ...{ do: fc.constant('approve' as const), who },
  scope: fc.constantFrom(...SCOPES),
})
const refusal = fc.record({ do: fc.constantFrom('deny' as const, 'cancel' as const), who })
const answer = fc.oneof({ weight: 4, arbitrary: approval }, refusal)
const step = fc.oneof(
  approval,
  fc.record({ do: fc.constant('revoke' as const), who }),
  fc.record({ do: fc.constantFrom('use' as const, 'sweep' as const) }),
  fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 16, 61) }),
)
type Step =
  | (typeof step extends fc.Arbitrary<infer Value> ? Value : never)
  | (typeof refusal extends fc.Arbitrary<infer Value> ? Value : never)

/** What a request of two approvals comes to, in the order of the steps. */
class Reference {
  nowMs = HELD_AT_MS
  phase: AccessRequest['phase'] = 'Pending'
  readonly approvals: { readonly who: string; readonly scope: number }[] = []
  grant: { endsAtMs: number; uses: number; usesMax: number; end: string } | undefined

  /** What the step comes to: whether it did anything. */
  take(one: Step): boolean {
    switch (one.do) {
      case 'approve':
        return this.#approve(one.who, SCOPES.indexOf(one.scope))
      case 'deny':
        return this.#isOpen() && APPROVERS.includes(one.who) && this.#end('Denied')
      case 'cancel':
        return this.#isOpen() && one.who === 'alice' && this.#end('Cancelled')
      case 'revoke':
        return this.#endGrant(this.#isAlive(), 'Revoked')
      case 'use':
        return this.#use()
      case 'sweep': {
        if (this.phase === 'Pending' && !this.#isOpen()) this.#end('Expired')
        this.#endGrant(this.grant !== undefined && !this.#isAlive(), 'Expired')
        return true
      }
      default:
        this.nowMs += one.minutes * 60_000
        return true
    }
  }

  #isOpen = () => this.phase === 'Pending' && this.nowMs < HELD_AT_MS + 3_600_000
  #isAlive = () =>
    this.grant !== undefined && this.grant.end === '' && this.nowMs < this.grant.endsAtMs

  #end(phase: AccessRequest['phase']): boolean {
    this.phase = phase
    return true
  }

  #approve(by: string, scope: number): boolean {
    const again = this.approvals.some((one) => one.who === by)
    if (!this.#isOpen() || !APPROVERS.includes(by) || again) return false
    this.approvals.push({ who: by, scope })
    if (this.approvals.length < 2) return true
    const narrowest = Math.min(...this.approvals.map((one) => one.scope))
    const usesMax = narrowest === 0 ? 1 : 0
    this.grant = { endsAtMs: this.nowMs + 900_000, uses: 0, usesMax, end: '' }
    return this.#end('Approved')
  }

  #endGrant(ends: boolean, end: string): boolean {
    if (!ends || this.grant === undefined || this.grant.end !== '') return false
    this.grant.end = end
    return true
  }

  #use(): boolean {
    const { grant } = this
    if (grant === undefined || !this.#isAlive()) return false
    if (grant.usesMax > 0 && grant.uses >= grant.usesMax) return false
    grant.uses += 1
    return true
  }

  grantPhase(): AccessGrant['phase'] | undefined {
    const { grant } = this
    if (grant === undefined) return undefined
    if (grant.end !== '') return grant.end as AccessGrant['phase']
    return grant.usesMax > 0 && grant.uses >= grant.usesMax ? 'Used' : 'Active'
  }
}

let store: Store
let made = 0
beforeAll(async () => {
  store = await openStore(':memory:')
  await store.auditEvents.append(aDecision(1))
})
afterAll(() => store.close())

/** A request of its own, which needs two of the group. */
async function openRequest(): Promise<AccessRequest> {
  made += 1
  const held = aHeldRequest({
    ...{ target: `/${made}`, caller: AGENT },
    chain: { rootRequester: person('alice'), coRequesters: [], actors: [AGENT] },
  })
  const parts = { held, rules: [aHeldRule({ minimum: 2 })], decisionId: aDecisionId(1) }
  const id = `01kb${String(made).padStart(22, '0')}`
  return store.accessRequests.open(aNewRequest({ ...parts, id }), Buffer.alloc(0), () => {})
}

test(`a request and its grant agree with the reference in ${SEQUENCES} sequences (seed ${SEED})`, async () => {
  // Answers of people come at the same time; all else is one after the other.
  const together = fc.oneof(
    fc.array(answer, { minLength: 1, maxLength: 3 }),
    step.map((one) => [one] as Step[]),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(together, { minLength: 1, maxLength: 8 }), async (turns) => {
      const request = await openRequest()
      const { clock, approvals } = startApprovalsAt({ store: store.accessRequests })
      const reference = new Reference()
      const run = actions(request, { clock, approvals })
      for (const turn of turns) {
        const begun = turn.map((one) => run(one))
        const wanted = turn.map((one) => reference.take(one))
        expect(await Promise.all(begun)).toEqual(wanted)
        const now = store.accessRequests.get(request.id)
        const grant = store.accessRequests.grant(now?.grantId ?? '')
        expect([now?.phase, grant?.phase, grant?.uses]).toEqual([
          ...[reference.phase, reference.grantPhase(), reference.grant?.uses],
        ])
      }
    }),
    { seed: SEED, numRuns: SEQUENCES },
  )
}, 240_000)

/** Takes a step in the store; resolves with whether it did anything. */
function actions(
  { id, digest }: AccessRequest,
  { clock, approvals }: Pick<ReturnType<typeof startApprovalsAt>, 'clock' | 'approvals'>,
) {
  const requests = store.accessRequests
  const grantId = () => requests.get(id)?.grantId ?? ''
  return async (one: Step): Promise<boolean> => {
    switch (one.do) {
      case 'approve': {
        const answer = { by: person(one.who), reason: 'x', digest, scope: one.scope }
        return (await approvals.approve(id, answer)).ok
      }
      case 'deny':
        return (await approvals.deny(id, { by: person(one.who), reason: 'x', digest })).ok
      case 'cancel':
        return (await approvals.cancel(id, { by: person(one.who), reason: 'x' })).ok
      case 'revoke':
        return (await approvals.revoke(grantId(), { by: person(one.who), reason: 'x' })).ok
      case 'use': {
        made += 1
        const event = { ...aDecision(made), id: aDecisionId(made + 1), grantId: grantId() }
        return requests.use(grantId(), event, clock.nowMs)
      }
      case 'sweep':
        // What earlier sequences have left is due as well.
        while (
          requests.due(clock.nowMs, 1).requests.length +
            requests.due(clock.nowMs, 1).grants.length >
          0
        )
          await closeDue(requests, clock.nowMs)
        return true
      default:
        clock.nowMs += one.minutes * 60_000
        return true
    }
  }
}
