import type { ServerResponse } from 'node:http'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { Fault } from '../../core/fault.ts'
import { faultStatus } from '../../core/kubernetes/status.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ApiResource, ChangeReader, Selection } from './api-resource.ts'
import type { Rendering } from './table.ts'
import { Wakeup } from './wakeup.ts'

export interface WatchTimes {
  /** Between two bookmarks, and between two looks at whether the user still may watch. */
  readonly bookmarkMs: number
  /** Least time between two reads of the store, so that a burst of commits costs one read. */
  readonly pauseMs: number
  /** A client that takes nothing for so long is cut off. */
  readonly stallMs: number
}

export const WATCH_TIMES: WatchTimes = { bookmarkMs: 60_000, pauseMs: 50, stallMs: 60_000 }

export interface Watch {
  readonly resource: ApiResource
  readonly selection: Selection
  readonly rendering: Rendering
  /** Undefined: begin with what is there. */
  readonly afterRevision: number | undefined
  readonly bookmarks: boolean
  /** Say with a bookmark where what was there ends. */
  readonly marksInitialEnd: boolean
  readonly timeoutMs: number
  readonly times: WatchTimes
  /** Ends the watch: the client went away or the process stops. */
  readonly signal: AbortSignal
  readonly mayGoOn: () => Promise<boolean>
  readonly clock: Clock
  readonly logger: Logger
}

/** Annotation of the bookmark after the last object that was there when a watch began. */
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' }

/**
 * Streams the changes of a resource, one JSON object a line, until the time is over, the client
 * goes or the process stops. The store is read only as fast as the client takes what was written,
 * so a slow client holds one batch and no queue.
 */
export async function streamWatch(out: ServerResponse, watch: Watch): Promise<void> {
  out.writeHead(200, {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
  })
  out.flushHeaders()
  const { resource, signal, logger, clock } = watch
  const wakeup = new Wakeup(clock, signal)
  const stopListening = resource.onCommit(() => wakeup.wake())
  try {
    await writeChanges(out, watch, wakeup)
  } catch (error) {
    if (!signal.aborted) {
      // Recorded, and told to the client in the way in which a watch can: it lists again.
      logger.error({ error, resource: resource.resource }, 'Watch failed')
      writeLine(out, 'ERROR', faultStatus(Fault.from(error)))
    }
  } finally {
    stopListening()
    out.end()
  }
}

async function writeChanges(out: ServerResponse, watch: Watch, wakeup: Wakeup): Promise<void> {
  const { rendering, times, signal, clock } = watch
  const endsAt = clock.monotonicMs() + watch.timeoutMs
  let bookmarkAt = clock.monotonicMs() + times.bookmarkMs
  const { reader, revision: start } = await begin(out, watch)
  let revision = start

  while (!signal.aborted && clock.monotonicMs() < endsAt) {
    wakeup.arm()
    const page = await reader.next()
    revision = page.revision
    for (const { type, object } of page.changes) {
      await write(out, watch, type, rendering.one(object))
    }
    if (page.more) await letOthersRun()
    else await wakeup.wait(Math.min(endsAt, bookmarkAt) - clock.monotonicMs())
    if (clock.monotonicMs() >= bookmarkAt) {
      if (!(await watch.mayGoOn())) return
      if (watch.bookmarks) await writeBookmark(out, watch, revision)
      bookmarkAt = clock.monotonicMs() + times.bookmarkMs
    }
    if (!page.more) await wakeup.sleep(Math.min(times.pauseMs, endsAt - clock.monotonicMs()))
  }
  if (!signal.aborted && watch.bookmarks) await writeBookmark(out, watch, revision)
}

async function begin(
  out: ServerResponse,
  watch: Watch,
): Promise<{ readonly reader: ChangeReader<AccessObject>; readonly revision: number }> {
  const { resource, selection, rendering, afterRevision } = watch
  if (afterRevision !== undefined) {
    return {
      reader: await resource.openChanges(selection, afterRevision),
      revision: afterRevision,
    }
  }
  const limit = 100
  let page = await resource.list(selection, { limit })
  const { revision } = page
  const reader = await resource.openChanges(selection, revision)
  for (;;) {
    for (const object of page.objects) {
      reader.know(object)
      await write(out, watch, 'ADDED', rendering.one(object))
    }
    if (page.next === undefined || watch.signal.aborted) break
    await letOthersRun()
    page = await resource.list(selection, { limit, position: page.next })
  }
  if (watch.marksInitialEnd) {
    const bookmark = rendering.bookmark(String(revision), INITIAL_EVENTS_END)
    await write(out, watch, 'BOOKMARK', bookmark)
  }
  return { reader, revision }
}

async function writeBookmark(out: ServerResponse, watch: Watch, revision: number): Promise<void> {
  await write(out, watch, 'BOOKMARK', watch.rendering.bookmark(String(revision), {}))
}

/** Waits until the client has taken what was written before. */
async function write(
  out: ServerResponse,
  { signal, times, clock }: Watch,
  type: string,
  object: unknown,
): Promise<void> {
  if (signal.aborted || writeLine(out, type, object)) return
  const drained = await waitForDrain(out, signal, clock, times.stallMs)
  // Nothing more can be said to a client that does not read.
  if (!drained) out.destroy()
}

function writeLine(out: ServerResponse, type: string, object: unknown): boolean {
  return out.write(`${JSON.stringify({ type, object })}\n`)
}

/** False when the client took nothing in time. */
function waitForDrain(
  out: ServerResponse,
  signal: AbortSignal,
  clock: Clock,
  stallMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (drained: boolean) => () => {
      cancel()
      out.off('drain', onDrain)
      signal.removeEventListener('abort', onAbort)
      resolve(drained)
    }
    const onDrain = done(true)
    const onAbort = done(true)
    const cancel = clock.after(stallMs, done(false))
    out.once('drain', onDrain)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
