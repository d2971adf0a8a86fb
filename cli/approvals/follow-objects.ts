import { setTimeout as sleep } from 'node:timers/promises'
import { accessPath, fieldSelector } from '../../api/client/access-client.ts'
import { listObjects, type ObjectSelection } from '../../api/client/list-objects.ts'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault, type FaultCode } from '../../core/fault.ts'
import type { Status } from '../../core/kubernetes/status.ts'
import type { CommandContext } from '../command/command-context.ts'

/** Before a watch is begun again. */
const PAUSE_MS = 1_000

/** Faults that asking again does not change. */
const FINAL: readonly FaultCode[] = [
  'permission_denied',
  'identity_unverified',
  'request_invalid',
  'internal',
]

export interface FollowObjects<Item> {
  readonly resource: string
  readonly selection: ObjectSelection
  /** Of the list that was shown already; the watch goes on where it ends. */
  readonly revision: string
  readonly shown: readonly Item[]
  readonly show: (item: Item) => void
}

/**
 * Shows what changes until the process is ended. A watch that ends or breaks is begun again where it ended; where that
 * is not known any more, everything is listed again, and what has not changed is not shown twice. Throws the faults
 * that asking again does not change.
 */
export async function followObjects<Item extends AccessObject>(
  { client, terminal }: CommandContext,
  { resource, selection, revision, shown, show }: FollowObjects<Item>,
): Promise<never> {
  let after: string | undefined = revision
  const versions = new Map(shown.map(({ metadata }) => [metadata.name, metadata.resourceVersion]))

  function receive(item: Item): void {
    const { name, resourceVersion } = item.metadata
    if (versions.get(name) === resourceVersion) return
    versions.set(name, resourceVersion)
    show(item)
  }

  for (;;) {
    try {
      if (after === undefined) {
        const list = await listObjects<Item>(client, resource, selection)
        for (const item of list.items) receive(item)
        after = list.metadata.resourceVersion
      }
      const events = client.watch(accessPath(resource, selection.scope), {
        fieldSelector: fieldSelector(selection.fields),
        resourceVersion: after,
        allowWatchBookmarks: 'true',
      })
      for await (const { type, object } of events) {
        if (type === 'ERROR') throw watchFault(object as Status)
        const item = object as Item
        after = item.metadata.resourceVersion
        if (type !== 'BOOKMARK') receive(item)
      }
    } catch (error) {
      const fault = Fault.from(error)
      if (FINAL.includes(fault.code)) throw fault
      if (fault.code === 'not_found') after = undefined
      terminal.err(`${escapeText(fault.message)}\nTrying again.\n`)
    }
    await sleep(PAUSE_MS)
  }
}

function watchFault({ code, message }: Status): Fault {
  return new Fault(code === 410 ? 'not_found' : 'upstream_unavailable', message)
}
