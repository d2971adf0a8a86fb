import type { ChainObject } from '../../api/objects/access-objects.ts'
import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { CommandContext } from '../command/command-context.ts'
import type { ChainReader } from './chain-reader.ts'
import { type CheckItem, type CheckOutcome, OK, warning } from './check-item.ts'
import type { ListOf, PodObject } from './cluster-objects.ts'
import { restartCommand } from './restart-command.ts'

/** People plan by the fortnight; where chains last a few hours, a tenth of that is soon. */
const SOON_MS_MAX = 14 * 24 * 3_600_000
const SHOWN_MAX = 10

/** One item for each namespace: whose chains end by age within a fortnight, or a tenth of the age that they have. */
export function chainChecks(
  context: Pick<CommandContext, 'client' | 'now'>,
  readChains: ChainReader,
  namespaces: readonly string[],
): readonly CheckItem[] {
  return namespaces.map((namespace) => ({
    category: 'data-plane',
    title: `no chain of a pod in namespace ${namespace} ends soon`,
    run: () => checkChains(context, readChains, namespace),
  }))
}

/** One item for each namespace: whether the control plane knows which of its pods run. */
export function phaseChecks(
  readChains: ChainReader,
  namespaces: readonly string[],
): readonly CheckItem[] {
  return namespaces.map((namespace) => ({
    category: 'data-plane',
    title: `the control plane knows which pods of namespace ${namespace} run`,
    async run() {
      const chains = await readChains(namespace)
      const unknown = chains.filter(({ status }) => status?.phase === 'Unknown')
      if (unknown.length === 0) return OK
      return warning(
        `the control plane's watch of pods is behind, so ${unknown.length === 1 ? '1 pod' : `${unknown.length} pods`} may have ended unseen`,
        "see its log for 'Cannot watch': kubectl logs -n lanyard-system statefulset/lanyard-control-plane",
      )
    },
  }))
}

/** Whether a chain has ended by age, or does within a fortnight or a tenth of its age, whichever is less. */
export function endsSoon(
  { renewedAt, endsAt }: Pick<ChainObject['spec'], 'renewedAt' | 'endsAt'>,
  nowMs: number,
): boolean {
  if (endsAt === undefined) return false
  const endsAtMs = Date.parse(endsAt)
  const ageMsMax = endsAtMs - Date.parse(renewedAt)
  return nowMs >= endsAtMs - Math.min(SOON_MS_MAX, ageMsMax / 10)
}

async function checkChains(
  { client, now }: Pick<CommandContext, 'client' | 'now'>,
  readChains: ChainReader,
  namespace: string,
): Promise<CheckOutcome> {
  const chains = await readChains(namespace)
  const soon = chains.filter(({ spec }) => endsSoon(spec, now()))
  if (soon.length === 0) return OK
  // Chains of pods that are gone stay on record.
  const { items } = await client.get<ListOf<PodObject>>(
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
  )
  const pods = new Map(items.map((pod) => [pod.metadata.uid, pod]))
  const commands = new Map<string, ChainObject>()
  for (const chain of soon) {
    const pod = pods.get(chain.spec.podUid)
    if (pod !== undefined) commands.set(restartCommand(namespace, pod), chain)
  }
  if (commands.size === 0) return OK
  const rest = commands.size - SHOWN_MAX
  return warning(
    ...[...commands]
      .slice(0, SHOWN_MAX)
      .flatMap(([command, chain]) => [describe(chain, now()), `  ${command}`]),
    ...(rest > 0 ? [`… and ${rest} more`] : []),
    'a person who answers for the object from now on deletes it and creates it again (docs/operations.md, How long chains last)',
  )
}

function describe({ metadata, spec }: ChainObject, nowMs: number): string {
  const leftMs = Date.parse(spec.endsAt ?? '') - nowMs
  const ends = leftMs <= 0 ? 'has ended by age' : `ends in ${humanDuration(leftMs)}`
  return `the chain of ${metadata.namespace}/${metadata.name} ${ends}; let ${spec.rootRequester.username} restart it:`
}
