import { Fault } from '../../core/fault.ts'
import { CONTROL_PLANE_SERVICE, INJECTOR_SERVICE, SYSTEM_NAMESPACE } from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { CEILINGS, checkAccepted, NARROWINGS, POLICIES, PROFILES } from './accepted-checks.ts'
import { admissionChecks } from './admission-checks.ts'
import type { ReadApiService } from './api-checks.ts'
import { type CheckItem, type CheckOutcome, failure, ok, warning } from './check-item.ts'
import type { WorkloadObject } from './cluster-objects.ts'

const VERSION_LABEL = 'app.kubernetes.io/version'
const REPLICAS_MIN = 2

/** What the chart installs: control plane, injector, webhooks, policies. */
export function installationChecks(
  context: CommandContext,
  readApiService: ReadApiService,
): readonly CheckItem[] {
  const readWorkload = createWorkloadReader(context, readApiService)
  return [
    {
      category: 'control-plane',
      title: 'the control plane is ready',
      run: async () => checkReady(await readWorkload(CONTROL_PLANE_SERVICE), 1),
    },
    {
      category: 'control-plane',
      title: 'the control plane and this program are of the same version',
      run: async () => checkVersion(await readWorkload(CONTROL_PLANE_SERVICE), context.version),
    },
    {
      category: 'control-plane',
      title: 'every AccessPolicy is accepted',
      run: () => checkAccepted(context, POLICIES),
    },
    {
      category: 'control-plane',
      title: 'every AccessCeiling is accepted',
      run: () => checkAccepted(context, CEILINGS),
    },
    {
      category: 'control-plane',
      title: 'every NarrowingPolicy is accepted',
      run: () => checkAccepted(context, NARROWINGS),
    },
    {
      category: 'control-plane',
      title: 'every MaskProfile is accepted',
      run: () => checkAccepted(context, PROFILES),
    },
    {
      category: 'injector',
      title: 'the injector is ready',
      run: async () => checkReady(await readWorkload(INJECTOR_SERVICE), REPLICAS_MIN),
    },
    ...admissionChecks(context),
  ]
}

async function namespaceOf(readApiService: ReadApiService): Promise<string> {
  try {
    return (await readApiService()).spec.service?.namespace ?? SYSTEM_NAMESPACE
  } catch (error) {
    // Who may not read the APIService looks where the chart installs by default.
    if (Fault.from(error).code !== 'permission_denied') throw error
    return SYSTEM_NAMESPACE
  }
}

type ReadWorkload = (name: string) => Promise<WorkloadObject>

/** A Deployment, or a StatefulSet of the same name. */
function createWorkloadReader(
  { client }: CommandContext,
  readApiService: ReadApiService,
): ReadWorkload {
  return async function readWorkload(name) {
    const root = `/apis/apps/v1/namespaces/${await namespaceOf(readApiService)}`
    try {
      return await client.get<WorkloadObject>(`${root}/deployments/${name}`)
    } catch (error) {
      if (Fault.from(error).code !== 'not_found') throw error
      return client.get<WorkloadObject>(`${root}/statefulsets/${name}`)
    }
  }
}

function checkReady({ metadata, spec, status }: WorkloadObject, replicasMin: number): CheckOutcome {
  const wanted = spec.replicas ?? 1
  const ready = status?.readyReplicas ?? 0
  const count = `${ready}/${wanted} replicas`
  const look = `look at kubectl -n ${metadata.namespace ?? ''} get pods`
  if (ready === 0) return failure(`${count} are ready`, look)
  if (ready < wanted) return warning(`${count} are ready`, look)
  return wanted < replicasMin
    ? warning(`${count}: with one, every pod creation waits while it restarts`)
    : ok(count)
}

function checkVersion({ metadata }: WorkloadObject, own: string): CheckOutcome {
  const version = metadata.labels?.[VERSION_LABEL]
  if (version === undefined) return warning(`the control plane has no label ${VERSION_LABEL}`)
  const theirs = version.replace(/^v/, '')
  return theirs === own
    ? ok(own)
    : warning(
        `the control plane is ${theirs}, this program ${own}: take the program of that version`,
      )
}
