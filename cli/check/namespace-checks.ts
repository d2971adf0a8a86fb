import {
  EXEMPT_NAMESPACES,
  INJECTION_ENABLED,
  INJECTION_LABEL,
  MODE_LABEL,
  MODE_OBSERVE,
  SIDECAR_CONTAINER,
} from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { chainChecks, phaseChecks } from './chain-checks.ts'
import { type ChainReader, createChainReader } from './chain-reader.ts'
import { type CheckItem, type CheckOutcome, failure, OK, ok, warning } from './check-item.ts'
import type { ListOf, NamespaceObject, PodObject } from './cluster-objects.ts'
import { futureChecks, type LookedAtNamespace } from './future-checks.ts'
import { operatorChecks } from './operator-checks.ts'
import { requesterChecks } from './requester-checks.ts'
import { restartCommand } from './restart-command.ts'
import { checkSidecarVersions } from './sidecar-checks.ts'

const CATEGORY = 'data-plane'
const WORKLOADS_MAX = 10

/** The namespaces that are opted in, and their pods. `only` is the namespace of `-n`. */
export async function namespaceChecks(
  context: CommandContext,
  only: string | undefined,
): Promise<readonly CheckItem[]> {
  const read = await attempt(() => readNamespaces(context, only))
  if ('error' in read) {
    const title = 'the namespaces that are opted in can be read'
    return [{ category: CATEGORY, title, run: () => Promise.reject(read.error) }]
  }
  const readChains = createChainReader(context.client)
  const optedIn = read.value.filter(({ metadata }) => isOptedIn(metadata.labels))
  const protectedNames = optedIn
    .map(({ metadata }) => metadata.name)
    .filter((name) => !EXEMPT_NAMESPACES.includes(name))
  return [
    {
      category: CATEGORY,
      title: 'some namespace is opted in',
      run: async () => checkSomeOptedIn(optedIn, only),
    },
    {
      category: CATEGORY,
      title: `${EXEMPT_NAMESPACES.join(' and ')} are not opted in`,
      run: async () => checkExempt(optedIn),
    },
    ...optedIn
      .filter(({ metadata }) => !EXEMPT_NAMESPACES.includes(metadata.name))
      .flatMap(({ metadata }) => [
        {
          category: CATEGORY,
          title: `every pod of namespace ${metadata.name} has the sidecar`,
          run: () => checkPods(context, metadata.name, metadata.labels?.[MODE_LABEL]),
        },
        {
          category: CATEGORY,
          title: `the sidecars of namespace ${metadata.name} are of supported versions`,
          run: () => checkVersions(context, readChains, metadata.name),
        },
      ]),
    ...chainChecks(context, readChains, protectedNames),
    ...phaseChecks(readChains, protectedNames),
    // By name also before it is opted in.
    ...futureChecks(context, (only === undefined ? optedIn : read.value).flatMap(toLookedAt)),
    ...(await requesterChecks(
      context,
      readChains,
      (only === undefined ? optedIn : read.value).flatMap(toLookedAt),
    )),
    ...(await operatorChecks(
      context,
      (only === undefined ? optedIn : read.value).map(({ metadata }) => metadata.name),
    )),
  ]
}

async function attempt<Value>(
  read: () => Promise<Value>,
): Promise<{ readonly value: Value } | { readonly error: unknown }> {
  try {
    return { value: await read() }
  } catch (error) {
    // Recorded: the report shows it in its place.
    return { error }
  }
}

async function readNamespaces(
  { client }: CommandContext,
  only: string | undefined,
): Promise<readonly NamespaceObject[]> {
  if (only !== undefined) {
    return [await client.get<NamespaceObject>(`/api/v1/namespaces/${encodeURIComponent(only)}`)]
  }
  return (await client.get<ListOf<NamespaceObject>>('/api/v1/namespaces')).items
}

function toLookedAt({ metadata }: NamespaceObject): readonly LookedAtNamespace[] {
  const { name, labels = {}, annotations = {} } = metadata
  if (EXEMPT_NAMESPACES.includes(name)) return []
  return [{ name, labels, annotations, optedIn: isOptedIn(labels) }]
}

function isOptedIn(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[INJECTION_LABEL] === INJECTION_ENABLED
}

function checkSomeOptedIn(
  optedIn: readonly NamespaceObject[],
  only: string | undefined,
): CheckOutcome {
  if (optedIn.length > 0) return ok(optedIn.map(({ metadata }) => metadata.name).join(', '))
  return warning(
    only === undefined ? 'no namespace is opted in' : `namespace ${only} is not opted in`,
    `kubectl label namespace ${only ?? 'NAME'} ${INJECTION_LABEL}=${INJECTION_ENABLED}`,
  )
}

function checkExempt(optedIn: readonly NamespaceObject[]): CheckOutcome {
  const labelled = optedIn.filter(({ metadata }) => EXEMPT_NAMESPACES.includes(metadata.name))
  return labelled.length === 0
    ? OK
    : warning(
        ...labelled.flatMap(({ metadata }) => [
          `${metadata.name} has the label, which does nothing there; take it away:`,
          `  kubectl label namespace ${metadata.name} ${INJECTION_LABEL}-`,
        ]),
      )
}

async function readRunning(
  { client }: CommandContext,
  namespace: string,
): Promise<readonly PodObject[]> {
  const { items } = await client.get<ListOf<PodObject>>(
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
  )
  return items.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''))
}

async function checkVersions(
  context: CommandContext,
  readChains: ChainReader,
  namespace: string,
): Promise<CheckOutcome> {
  const running = await readRunning(context, namespace)
  const pods = running.map(({ metadata: { name, uid = '' } }) => ({ name, uid }))
  return checkSidecarVersions(context, readChains, namespace, pods)
}

async function checkPods(
  context: CommandContext,
  namespace: string,
  mode: string | undefined,
): Promise<CheckOutcome> {
  const running = await readRunning(context, namespace)
  const bare = running.filter(({ spec }) => !hasSidecar(spec))
  const observes = mode === MODE_OBSERVE ? ', observes only' : ''
  if (bare.length === 0)
    return ok(`${running.length} ${running.length === 1 ? 'pod' : 'pods'}${observes}`)
  const commands = new Map(bare.map((pod) => [restartCommand(namespace, pod), pod.metadata.name]))
  const shown = [...commands].slice(0, WORKLOADS_MAX)
  const rest = commands.size - shown.length
  return failure(
    ...shown.flatMap(([command, pod]) => [
      `${namespace}/${pod} was created before the namespace was opted in; restart it:`,
      `  ${command}`,
    ]),
    ...(rest > 0 ? [`… and ${rest} more`] : []),
  )
}

function hasSidecar({ initContainers }: PodObject['spec']): boolean {
  return (initContainers ?? []).some(({ name }) => name === SIDECAR_CONTAINER)
}
