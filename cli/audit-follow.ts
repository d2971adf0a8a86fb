import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEventObject } from '../core/access-objects.ts'
import { Fault } from '../core/fault.ts'
import type { Status } from '../core/kubernetes/status.ts'
import { accessPath, listAuditEvents, type ObjectList, type Scope } from './access-client.ts'
import type { CommandContext } from './command-context.ts'
import { escapeText } from './escape-text.ts'

/** An allowed request is over at once, mostly: waiting so long shows decision and outcome together. */
const OUTCOME_WAIT_MS = 400
const RETRY_MS = 2_000

export interface FollowOptions {
  readonly scope: Scope
  readonly selector: string | undefined
  /** What was shown already; the watch goes on where it ends. */
  readonly list: ObjectList<AuditEventObject>
  readonly show: (event: AuditEventObject) => void
}

/**
 * Shows each decision that comes, once, until the process is ended. As JSON every change is shown,
 * so that a program sees decision and outcome. A watch that ends is begun again where it ended.
 * Throws the fault of a watch that cannot begin at all.
 */
export async function followAuditEvents(
  context: CommandContext,
  options: FollowOptions,
): Promise<never> {
  const receive = context.output === 'json' ? options.show : createOncePerDecision(options)
  let revision = options.list.metadata.resourceVersion
  let begun = false
  for (;;) {
    try {
      const path = accessPath('auditevents', options.scope)
      const query = {
        fieldSelector: options.selector,
        resourceVersion: revision,
        allowWatchBookmarks: 'true',
      }
      for await (const { type, object } of context.client.watch(path, query)) {
        begun = true
        if (type === 'ERROR') throw watchFault(object as Status)
        const event = object as AuditEventObject
        revision = event.metadata.resourceVersion
        if (type !== 'BOOKMARK') receive(event)
      }
    } catch (error) {
      const fault = Fault.from(error)
      if (!begun || fault.code === 'permission_denied') throw fault
      context.terminal.err(`${escapeText(fault.message)}\nTrying again.\n`)
      await sleep(RETRY_MS)
      if (fault.code === 'not_found') revision = await currentRevision(context, options)
    }
    begun = true
  }
}

/** For a log that does not reach back to where the watch ended; what lies between is not shown. */
async function currentRevision(
  { client }: CommandContext,
  { scope, selector }: FollowOptions,
): Promise<string> {
  const query = { fieldSelector: selector, tail: '1' }
  const { metadata } = await listAuditEvents(client, scope, query)
  return metadata.resourceVersion
}

function watchFault({ code, message }: Status): Fault {
  return new Fault(code === 410 ? 'not_found' : 'upstream_unavailable', message)
}

/** Holds an open decision for a moment, so that its line can tell the outcome. */
function createOncePerDecision({ list, show }: FollowOptions): (event: AuditEventObject) => void {
  const shown = new Set(list.items.map(({ metadata }) => metadata.name))
  const waiting = new Map<string, NodeJS.Timeout>()

  function showNow(event: AuditEventObject): void {
    const { name } = event.metadata
    clearTimeout(waiting.get(name))
    waiting.delete(name)
    if (shown.has(name)) return
    remember(shown, name)
    show(event)
  }

  return function receive(event) {
    const { name } = event.metadata
    if (shown.has(name)) return
    if (event.status.phase === 'Complete') return showNow(event)
    if (!waiting.has(name))
      waiting.set(
        name,
        setTimeout(() => showNow(event), OUTCOME_WAIT_MS),
      )
  }
}

/** Names that are remembered; a decision older than so many is not repeated by a watch. */
const SHOWN_MAX = 10_000

function remember(shown: Set<string>, name: string): void {
  shown.add(name)
  if (shown.size <= SHOWN_MAX) return
  for (const oldest of shown) {
    shown.delete(oldest)
    return
  }
}
