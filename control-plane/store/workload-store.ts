import type { DelegationChain, Via } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'

/** An object that makes pods, and for whom. Its chain ends with the pod that launched it, if one did. */
export interface Workload {
  readonly uid: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly chain: DelegationChain
  /** Objects between the launcher and this one, the launcher's side first. */
  readonly via: readonly Via[]
}

/** The registry of objects by UID. Every method may throw `audit_unavailable`. */
export interface WorkloadStore {
  find(uid: string): Promise<Workload | undefined>
  /** Writes a workload, or its new chain. */
  save(workload: Workload): Promise<void>
}

export function createSqliteWorkloadStore(db: Database, queue: CommitQueue): WorkloadStore {
  const upsert = db.sqlite.prepare<unknown[]>(
    'insert into workload (uid, api_version, kind, namespace, name, chain, via) values (?, ?, ?, ?, ?, ?, ?) on conflict (uid) do update set chain = excluded.chain',
  )
  return {
    async find(uid) {
      try {
        const row = await db.kysely
          .selectFrom('workload')
          .selectAll()
          .where('uid', '=', uid)
          .executeTakeFirst()
        if (row === undefined) return undefined
        const { api_version: apiVersion, kind, namespace, name } = row
        const chain = JSON.parse(row.chain) as DelegationChain
        return { uid, apiVersion, kind, namespace, name, chain, via: JSON.parse(row.via) as Via[] }
      } catch (error) {
        throw new Fault('audit_unavailable', 'Cannot read the registry', { cause: error })
      }
    },
    save(workload) {
      const { uid, apiVersion, kind, namespace, name, chain, via } = workload
      const values = [
        uid,
        apiVersion,
        kind,
        namespace,
        name,
        JSON.stringify(chain),
        JSON.stringify(via),
      ]
      return queue.commit(() => {
        upsert.run(...values)
      })
    },
  }
}
