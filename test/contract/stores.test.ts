import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../control-plane/store/open-store.ts'
import {
  createMemoryAuditEventStore,
  createMemoryPodBindingStore,
} from '../support/memory-stores.ts'
import { createMemoryWorkloadStore } from '../support/memory-workload-store.ts'
import { describeRecordingStores } from './describe-recording-stores.ts'
import { describeStores } from './describe-stores.ts'

/* Other tests take the stores in memory for those on disk: both do the same. */

describeStores('in memory', async () => ({
  bindings: createMemoryPodBindingStore(),
  workloads: createMemoryWorkloadStore(),
  auditEvents: createMemoryAuditEventStore(),
  close: async () => undefined,
}))

async function openSqlite() {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-contract-'))
  const store = await openStore(join(folder, 'lanyard.db'))
  return {
    ...{ bindings: store.bindings, workloads: store.workloads, auditEvents: store.auditEvents },
    recordings: store.recordings,
    async close() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

describeStores('in SQLite', openSqlite)
describeRecordingStores('in files beside SQLite', openSqlite)
