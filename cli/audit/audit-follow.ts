import { setTimeout as sleep } from 'node:timers/promises'
import { accessPath } from '../../api/client/access-client.ts'
import { type DecisionQuery, readEvery } from '../../api/client/read-decisions.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault, type FaultCode } from '../../core/fault.ts'
import type { Status } from '../../core/kubernetes/status.ts'
import type { CommandContext } from '../command/command-context.ts'
import { createProgress } from '../terminal/progress.ts'
import type { ShownDecisions } from './shown-decisions.ts'

/** An allowed request is over immediately, mostly: waiting so long shows decision and outcome together. */
const OUTCOME_WAIT_MS = 400
/** Before a watch is begun again; doubled each time that nothing came of it. */
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 30_000
/** A watch that lasted so long was one. */
const SOUND_MS = 10_000
/** Decisions can be on record in another order than they were made, by this much at most. */
const DISORDER_MS = 10_000

/** Faults that asking again does not change. */
const FINAL: readonly FaultCode[] = [
  'permission_denied',
  'identity_unverified',
  'request_invalid',
  'internal',
]

export interface FollowOptions {
  readonly query: DecisionQuery
  /** Of the list that was shown already; the watch goes on where it ends. */
  readonly revision: string
  readonly shown: ShownDecisions
  readonly show: (event: AuditEventObject) => void
}

/**
 * Shows each decision that comes, once, until the process is ended. As JSON every change is shown,
 * so that a program sees decision and outcome. A watch that ends or breaks is begun again where it
 * ended; when the log does not reach back so far, it is read again from the time of the newest
 * decision that was shown. Throws the faults that asking again does not change.
 */
export async function followAuditEvents(
  context: CommandContext,
  options: FollowOptions,
): Promise<never> {
  const receive = createReceiver(context, options)
  let revision: string | undefined = options.revision
  let pauseMs = PAUSE_MS_MIN
  for (;;) {
    const startedAt = performance.now()
    let came = false
    try {
      revision ??= await catchUp(context, options, receive)
      for await (const event of changes(context, options.query, revision)) {
        revision = event.revision
        if (event.object === undefined) continue
        came = true
        receive(event.object)
      }
    } catch (error) {
      const fault = Fault.from(error)
      if (FINAL.includes(fault.code)) throw fault
      if (fault.code === 'not_found') revision = undefined
      context.terminal.err(`${escapeText(fault.message)}\nTrying again.\n`)
    }
    if (came || performance.now() - startedAt > SOUND_MS) pauseMs = PAUSE_MS_MIN
    await sleep(pauseMs)
    pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)
  }
}

interface Change {
  readonly revision: string
  /** Absent for a bookmark, and for what was not asked for. */
  readonly object: AuditEventObject | undefined
}

/** One watch, until the server ends it. Throws what the server says of it, as a Fault. */
async function* changes(
  { client }: CommandContext,
  { scope, selector, matches }: DecisionQuery,
  revision: string,
): AsyncGenerator<Change, void> {
  const events = client.watch(accessPath('auditevents', scope), {
    fieldSelector: selector,
    resourceVersion: revision,
    allowWatchBookmarks: 'true',
  })
  for await (const { type, object } of events) {
    if (type === 'ERROR') throw watchFault(object as Status)
    const event = object as AuditEventObject
    const wanted = type !== 'BOOKMARK' && (matches === undefined || matches(event))
    yield { revision: event.metadata.resourceVersion, object: wanted ? event : undefined }
  }
}

function watchFault({ code, message }: Status): Fault {
  return new Fault(code === 410 ? 'not_found' : 'upstream_unavailable', message)
}

/** For a log that is not the one the watch was of, such as one from a backup. */
async function catchUp(
  { client, terminal }: CommandContext,
  { query, shown }: FollowOptions,
  receive: (event: AuditEventObject) => void,
): Promise<string> {
  let revision = ''
  const sinceMs = shown.newestMs() - DISORDER_MS
  const since = { ...query, sinceMs, progress: createProgress(terminal) }
  for await (const { metadata, items } of readEvery(client, since)) {
    revision = metadata.resourceVersion
    for (const event of items) receive(event)
  }
  return revision
}

/** Holds an open decision for a moment, so that its line can tell the outcome. */
function createReceiver(
  { output }: CommandContext,
  { shown, show }: FollowOptions,
): (event: AuditEventObject) => void {
  const waiting = new Map<string, NodeJS.Timeout>()

  return function receive(event) {
    const { name } = event.metadata
    const isNew = shown.add(event)
    const complete = event.status.phase === 'Complete'
    const timer = waiting.get(name)
    if (timer !== undefined && complete) {
      clearTimeout(timer)
      waiting.delete(name)
      show(event)
    } else if (isNew && (complete || output === 'json')) {
      show(event)
    } else if (isNew) {
      const showOpen = () => {
        waiting.delete(name)
        show(event)
      }
      waiting.set(name, setTimeout(showOpen, OUTCOME_WAIT_MS))
    }
  }
}
