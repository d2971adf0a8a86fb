import { getChain, listChains } from '../../api/client/access-client.ts'
import { NOT_INSTALLED } from '../../api/client/request-fault.ts'
import type {
  ChainObject,
  RequesterObject,
  TouchObject,
  VisitorObject,
} from '../../api/objects/access-objects.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'
import { objectName, toJson, toYaml } from '../terminal/output-format.ts'
import { describeRequester } from '../terminal/principal-text.ts'
import { formatTime } from '../terminal/time-text.ts'
import { type ChainNode, drawTree, growTree, requestersBeside } from './chain-tree.ts'

/** Which launches the user could be shown, and what is said about the others. */
const LAUNCHES_SHOWN = {
  all: '',
  'own namespace':
    'The list holds launches in this namespace only: you may not list chains in the whole cluster.\n',
  none: 'What the pod has launched is not shown: you may not list chains.\n',
} as const

/** `chain POD`: for whom a pod acts, through whom, and what it has launched. */
export async function runChain(context: CommandContext, pod: string): Promise<number> {
  const { terminal, output } = context
  const chain = await readChain(context, pod)
  if (output === 'json') terminal.out(toJson(chain))
  else if (output === 'yaml') terminal.out(toYaml(chain))
  else if (output === 'name') terminal.out(objectName(chain))
  else {
    const launched = await readLaunched(context, chain)
    terminal.out(`${drawChain(context, chain, launched.chains).join('\n')}\n`)
    terminal.err(LAUNCHES_SHOWN[launched.shown])
  }
  return 0
}

async function readChain({ client }: CommandContext, pod: string): Promise<ChainObject> {
  try {
    return await getChain(client, client.namespace, pod)
  } catch (error) {
    const fault = Fault.from(error)
    if (fault.code !== 'not_found' || fault.message.startsWith(NOT_INSTALLED)) throw fault
    throw new Fault(
      'not_found',
      `No chain is on record for pod ${client.namespace}/${pod}: the name is wrong, the namespace is not opted in, or the pod is older than Lanyard or has not started yet`,
      { cause: error },
    )
  }
}

/** Pods that have the given one on their way; all of them have the same root requester. */
async function readLaunched(
  { client }: CommandContext,
  chain: ChainObject,
): Promise<{
  readonly chains: readonly ChainObject[]
  readonly shown: keyof typeof LAUNCHES_SHOWN
}> {
  const values = { 'spec.rootRequester': chain.spec.rootRequester.username }
  const isLaunched = ({ spec }: ChainObject) =>
    spec.podUid !== chain.spec.podUid &&
    spec.actors.some(({ podUid }) => podUid === chain.spec.podUid)
  try {
    const all = await listChains(client, undefined, values)
    return { chains: all.filter(isLaunched), shown: 'all' }
  } catch (error) {
    if (Fault.from(error).code !== 'permission_denied') throw error
  }
  try {
    const own = await listChains(client, client.namespace, values)
    return { chains: own.filter(isLaunched), shown: 'own namespace' }
  } catch (error) {
    // Who may get one chain need not be allowed to list them.
    if (Fault.from(error).code !== 'permission_denied') throw error
    return { chains: [], shown: 'none' }
  }
}

function drawChain(
  context: CommandContext,
  chain: ChainObject,
  launched: readonly ChainObject[],
): readonly string[] {
  const { terminal, output } = context
  const { rootRequester, coRequesters, podUid } = chain.spec
  const wide = output === 'wide'
  const byPod = new Map([chain, ...launched].map((each) => [each.spec.podUid, each]))

  function note({ actor, addedRequesters }: ChainNode): string {
    const added = requestersBeside(addedRequesters, coRequesters).map(({ username }) =>
      escapeText(username),
    )
    const also = added.length === 0 ? '' : `, also for ${added.join(', ')}`
    const endedAt = byPod.get(actor.podUid)?.status?.endedAt
    const ended = endedAt === undefined ? '' : `, ended ${formatTime(endedAt, context.utc)}`
    const here = actor.podUid === podUid ? terminal.style('bold', '  ◀ this pod') : ''
    return `${also}${ended}${here}${wide ? details(context, actor.podUid, byPod) : ''}`
  }

  return [
    `${describeRequester(rootRequester, 'root requester')}${wide ? groups(rootRequester) : ''}`,
    ...coRequesters.map(
      (requester) =>
        `${describeRequester(requester, 'co-requester: could choose the code')}${wide ? groups(requester) : ''}`,
    ),
    ...drawTree(growTree([chain, ...launched]), note),
    ...(chain.spec.visitors ?? []).map((visitor) => describeVisitor(visitor, context.utc)),
    ...(chain.spec.touches ?? []).map((touch) => describeTouch(touch, context.utc)),
    describeLife(chain, context.utc),
  ]
}

/** Somebody who may have acted in the pod, beside whom its chain names. */
function describeVisitor(visitor: VisitorObject, utc: boolean): string {
  const { username, kinds, visits, lastAt, joined } = visitor
  const times = visits === 1 ? '' : `, ${visits} times`
  const since = joined ? ', a co-requester since' : ''
  return `${escapeText(username)}  reached into the pod: ${escapeText(kinds.join(', '))}${times}, last ${formatTime(lastAt, utc)}${since}`
}

/** Somebody who restarted, scaled, queued or placed what the pod comes from. */
function describeTouch({ username, at, object, fields }: TouchObject, utc: boolean): string {
  const what = fields.length === 0 ? '' : ` (${escapeText(fields.join(', '))})`
  return `${escapeText(username)}  touched ${escapeText(object)}${what}, ${formatTime(at, utc)}; answers for nothing`
}

/** Whether the pod runs, since when the chain does, and until when. */
function describeLife({ spec, status }: ChainObject, utc: boolean): string {
  const { beganAt, renewedAt, endsAt, rootRequester } = spec
  const root = escapeText(rootRequester.username)
  const began = `began ${formatTime(beganAt, utc)}, ${root} last seen for it ${formatTime(renewedAt, utc)}`
  if (status?.endedAt !== undefined) {
    return `the pod ended ${formatTime(status.endedAt, utc)}; its chain ${began}`
  }
  const runs =
    status?.phase === 'Running' ? 'the pod runs' : 'whether the pod still runs is not known'
  const life = `${runs}; its chain ${began}`
  return endsAt === undefined
    ? `${life}; does not end by age`
    : `${life}; ends ${formatTime(endsAt, utc)}, unless ${root} restarts what it comes from before`
}

function groups(requester: RequesterObject): string {
  return requester.groups.length === 0 ? '' : `  groups ${escapeText(requester.groups.join(', '))}`
}

function details(
  { utc }: CommandContext,
  podUid: string,
  byPod: ReadonlyMap<string, ChainObject>,
): string {
  const created = byPod.get(podUid)?.metadata.creationTimestamp
  const when = created === undefined ? '' : `, admitted ${formatTime(created, utc)}`
  return `  uid ${escapeText(podUid)}${when}`
}
