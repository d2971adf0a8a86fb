import type { Workload, WorkloadStore } from '../../control-plane/store/workload-store.ts'
import { Fault } from '../../core/fault.ts'

/** The registry of workloads in memory, by the same rules as the one on disk. */
export function createMemoryWorkloadStore(): WorkloadStore {
  const workloads = new Map<string, Workload>()
  return {
    find: async (uid) => workloads.get(uid),
    async revise(uid, revise) {
      try {
        const next = revise(workloads.get(uid))
        workloads.set(uid, next)
        return next
      } catch (error) {
        // Converted: callers are told a fault, whatever was thrown.
        throw Fault.from(error)
      }
    },
    async reviseNamespace(namespace, revise) {
      for (const workload of workloads.values()) {
        if (workload.namespace === namespace) workloads.set(workload.uid, revise(workload))
      }
    },
    async touchesOf(namespace, objects) {
      const inOrder = [...workloads.values()].filter((one) => one.namespace === namespace)
      return objects.flatMap(({ kind, name }) => {
        const newest = inOrder.findLast((one) => one.kind === kind && one.name === name)
        return (newest?.touches ?? []).map((touch) => ({ kind, name, ...touch }))
      })
    },
    namespaces: async () => [...new Set([...workloads.values()].map(({ namespace }) => namespace))],
  }
}
