import { describe } from 'vitest'
import { describeAuditEventStores } from './describe-audit-event-stores.ts'
import { describeConcurrency } from './describe-concurrency.ts'
import { describePodBindingStores } from './describe-pod-binding-stores.ts'
import { describeWorkloadStores } from './describe-workload-stores.ts'
import type { OpenStores } from './stores.ts'

/**
 * What every set of stores does, whichever database is behind it. `open` makes empty ones; a database
 * that is new here passes all of it before anything runs on it.
 */
export function describeStores(name: string, open: OpenStores): void {
  describe(`stores ${name}`, () => {
    describeAuditEventStores(open)
    describePodBindingStores(open)
    describeWorkloadStores(open)
    describeConcurrency(open)
  })
}
