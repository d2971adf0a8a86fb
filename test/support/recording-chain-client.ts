import type { DelegationChain } from '../../core/chain.ts'
import type { PodTemplateBody } from '../../core/commands/container-command.ts'
import type { Fault } from '../../core/fault.ts'
import type {
  AdmittedVisit,
  ChainClient,
  PodToBind,
  WorkloadChange,
  WorkloadToRecord,
} from '../../injector/chains/chain-client.ts'
import { aUser } from './record-builders.ts'

/** A control plane for the injector that keeps what it is told, and answers what a test says. */
export interface RecordingChainClient extends ChainClient {
  readonly bound: PodToBind[]
  readonly recorded: (WorkloadToRecord & { readonly change: WorkloadChange })[]
  /** What the pods of each would run, as far as that was told. */
  readonly templates: (PodTemplateBody | undefined)[]
  readonly reset: WorkloadToRecord[]
  readonly visits: AdmittedVisit[]
  /** Questions for a chain that recorded nothing. */
  resolved: number
  /** The chain of whoever launches pods from now on. */
  launchers: DelegationChain
  /** What every call throws from now on. */
  failure: Fault | undefined
}

/** A chain client that notes what it is told, and answers for alice. */
export function createRecordingChainClient(): RecordingChainClient {
  const client: RecordingChainClient = {
    bound: [],
    recorded: [],
    templates: [],
    reset: [],
    visits: [],
    resolved: 0,
    launchers: { rootRequester: aUser('alice'), coRequesters: [], actors: [] },
    failure: undefined,
    async resolvePod() {
      if (client.failure !== undefined) throw client.failure
      client.resolved += 1
      return client.launchers
    },
    async bindPod({ namespace, dryRun }, _owner, pod) {
      if (client.failure !== undefined) throw client.failure
      if (!dryRun) client.bound.push(pod)
      const { podUid, podName: name, serviceAccount } = pod
      const actor = { podUid, namespace, name, serviceAccount, via: [] }
      return { ...client.launchers, actors: [...client.launchers.actors, actor] }
    },
    async recordWorkload(_request, _owner, workload, change, template) {
      if (client.failure !== undefined) throw client.failure
      client.recorded.push({ ...workload, change })
      client.templates.push(template)
    },
    async resetChain({ dryRun }, workload) {
      if (client.failure !== undefined) throw client.failure
      if (!dryRun) client.reset.push(workload)
    },
    async recordVisit(_request, visit) {
      if (client.failure !== undefined) throw client.failure
      client.visits.push(visit)
    },
    close: () => undefined,
  }
  return client
}
