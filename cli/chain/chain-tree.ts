import type { ActorObject, ChainObject, RequesterObject } from '../../api/objects/access-objects.ts'
import { userKey } from '../../core/chain.ts'
import { describeActor } from '../terminal/principal-text.ts'

/** A pod and what it launched. */
export interface ChainNode {
  readonly actor: ActorObject
  /** Requesters that this pod has and the pod that launched it has not. */
  readonly addedRequesters: readonly RequesterObject[]
  readonly children: readonly ChainNode[]
}

/**
 * The pods of several chains as trees, by the UIDs of the pods. A pod that is on the way to another
 * and has no chain of its own among them (it is older, or may not be seen) stands there all the same.
 */
export function growTree(chains: readonly ChainObject[]): readonly ChainNode[] {
  const byPod = new Map(chains.map((chain) => [chain.spec.podUid, chain]))
  return grow([], chains, byPod)
}

function grow(
  path: readonly ActorObject[],
  chains: readonly ChainObject[],
  byPod: ReadonlyMap<string, ChainObject>,
): readonly ChainNode[] {
  const depth = path.length
  const groups = new Map<string, ChainObject[]>()
  for (const chain of chains) {
    const actor = chain.spec.actors[depth]
    if (actor === undefined) continue
    groups.set(actor.podUid, [...(groups.get(actor.podUid) ?? []), chain])
  }
  return [...groups.values()]
    .flatMap((group) => {
      const actor = group[0]?.spec.actors[depth]
      return actor === undefined ? [] : [{ actor, group }]
    })
    .sort((a, b) => sortKey(a.actor).localeCompare(sortKey(b.actor), 'en'))
    .map(({ actor, group }) => ({
      actor,
      addedRequesters: addedRequesters(actor, path.at(-1), byPod),
      children: grow([...path, actor], group, byPod),
    }))
}

function sortKey({ namespace, name, podUid }: ActorObject): string {
  return `${namespace}/${name}/${podUid}`
}

function addedRequesters(
  actor: ActorObject,
  launcher: ActorObject | undefined,
  byPod: ReadonlyMap<string, ChainObject>,
): readonly RequesterObject[] {
  const own = byPod.get(actor.podUid)?.spec.coRequesters ?? []
  const before = launcher === undefined ? [] : (byPod.get(launcher.podUid)?.spec.coRequesters ?? [])
  return requestersBeside(own, before)
}

/** Those of `own` that are not among `others`. Two of one name and other groups are two requesters. */
export function requestersBeside(
  own: readonly RequesterObject[],
  others: readonly RequesterObject[],
): readonly RequesterObject[] {
  const known = new Set(others.map(requesterKey))
  return own.filter((requester) => !known.has(requesterKey(requester)))
}

function requesterKey({ username, uid = '', groups, extra = {} }: RequesterObject): string {
  return userKey({ username, uid, groups, extra })
}

/** Lines of a tree; `note` is added after a pod. */
export function drawTree(
  nodes: readonly ChainNode[],
  note: (node: ChainNode) => string,
  indent = '',
): readonly string[] {
  return nodes.flatMap((node, index) => {
    const last = index === nodes.length - 1
    const line = `${indent}${last ? '└─ ' : '├─ '}${describeActor(node.actor)}${note(node)}`
    return [line, ...drawTree(node.children, note, `${indent}${last ? '   ' : '│  '}`)]
  })
}
