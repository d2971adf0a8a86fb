import type { ChainObject } from '../../api/objects/access-objects.ts'
import { UNATTRIBUTED } from '../../core/chain.ts'
import type { CommandContext } from '../command/command-context.ts'
import type { ChainReader } from './chain-reader.ts'
import { type CheckItem, warning } from './check-item.ts'
import type { ListOf, PodObject } from './cluster-objects.ts'
import type { LookedAtNamespace } from './future-checks.ts'
import { readTemplates } from './read-templates.ts'
import { shortenLines } from './shorten-lines.ts'

const SHOWN_MAX = 10

/**
 * One item for each namespace in which nobody answers for pods: what makes them was there before the
 * namespace was opted in, or is there before it will be. RBAC gives such pods nothing, so every request of
 * theirs is refused. A namespace in which this cannot be read has none; that is said elsewhere.
 */
export async function requesterChecks(
  context: CommandContext,
  readChains: ChainReader,
  namespaces: readonly LookedAtNamespace[],
): Promise<readonly CheckItem[]> {
  const found: CheckItem[] = []
  for (const { name, optedIn } of namespaces) {
    const hints = await (optedIn
      ? unattributedPods(context, readChains, name)
      : soonUnattributed(context, name)
    ).catch(() => [])
    if (hints.length > 0) found.push(toItem(name, hints))
  }
  return found
}

function toItem(namespace: string, hints: readonly string[]): CheckItem {
  const title = `somebody answers for the pods of namespace ${namespace}`
  return { category: 'data-plane', title, run: async () => warning(...hints) }
}

/** Pods that run and that nobody on record answers for, by what makes them. */
async function unattributedPods(
  { client }: Pick<CommandContext, 'client'>,
  readChains: ChainReader,
  namespace: string,
) {
  const path = `namespaces/${encodeURIComponent(namespace)}`
  const [chains, pods] = await Promise.all([
    readChains(namespace),
    client.get<ListOf<PodObject>>(`/api/v1/${path}/pods`),
  ])
  const there = new Set(pods.items.map(({ metadata }) => metadata.name))
  const makers = chains
    .filter(({ metadata, spec }) => there.has(metadata.name) && isNobodys(spec))
    .flatMap(({ spec }) => (spec.actors.at(-1)?.via ?? []).slice(0, 1))
    .map(({ kind, name }) => `${kind.toLowerCase()}/${name}`)
  return advice(
    [...new Set(makers)],
    'was there before the namespace was opted in, so nobody answers for its pods: the API refuses them everything',
    namespace,
  )
}

function isNobodys({ rootRequester, coRequesters }: ChainObject['spec']): boolean {
  return [rootRequester, ...coRequesters].some(({ username }) => username === UNATTRIBUTED.username)
}

/** What makes pods already in a namespace that is not opted in yet. */
async function soonUnattributed({ client }: CommandContext, namespace: string) {
  const { templates } = await readTemplates(client, namespace)
  const makers = templates.filter(({ runs }) => !runs).map(({ what }) => what)
  return advice(
    makers,
    'is there already: once the namespace is opted in, nobody answers for its pods, and the API refuses them everything',
    namespace,
  )
}

function advice(makers: readonly string[], why: string, namespace: string): readonly string[] {
  if (makers.length === 0) return []
  const [first = ''] = makers
  return [
    ...shortenLines(
      makers.map((maker) => `${maker} ${why}`),
      SHOWN_MAX,
    ),
    'When the namespace is opted in, create such objects again (kubectl replace --force -f FILE), or read what they run',
    'and answer for it yourself, each by its name, with new pods afterwards:',
    `  kubectl lanyard reset ${first} -n ${namespace}`,
    ...(isRestartable(first) ? [`  kubectl rollout restart ${first} -n ${namespace}`] : []),
  ]
}

/** Whether kubectl can have its pods made again. */
function isRestartable(maker: string): boolean {
  return ['deployment', 'statefulset', 'daemonset'].includes(maker.split('/')[0] ?? '')
}
