import type { EventEmitter } from 'node:events'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import { auditEventToMessage } from '../../proto/audit-event-message.ts'
import { canonicalChain } from '../../proto/canonical-chain.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import type {
  AuditEventSchema,
  AuditService,
  WatchAuditEventsRequest,
  WatchAuditEventsResponseSchema,
} from '../../proto/gen/lanyard/v1/audit_pb.ts'
import { Effect } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { ChainService } from '../../proto/gen/lanyard/v1/chain_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import { createAuditEventScan } from '../access-api/audit-event-scan.ts'
import type { ChainStory } from '../chains/chain-story.ts'
import type { AuditEventFilter, AuditEventReader } from '../store/audit-event-store.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { bindingToMessage } from './binding-message.ts'
import { unary } from './grpc-fault.ts'
import { createDisclose, createPermit, type PermitDeps } from './reader-permits.ts'

export interface ReaderDeps extends PermitDeps {
  readonly bindings: PodBindingStore
  readonly auditEvents: AuditEventReader
  readonly chainStory: ChainStory
  readonly logger: Logger
  readonly now: () => number
}

const PAGE_DEFAULT = 500
const PAGE_MAX = 1_000

/** Chains for integrators, by their own RBAC. */
export function createChainService(deps: ReaderDeps): GrpcHandlers<typeof ChainService> {
  const permit = createPermit(deps)
  const disclose = createDisclose(deps)
  return {
    getChain: unary(deps.logger, async ({ podUid }, metadata) => {
      const found = await disclose(metadata, 'chains', async () => {
        const binding = await deps.bindings.find(podUid)
        const pod = binding?.chain.actors.at(-1)
        if (binding === undefined || pod === undefined) return undefined
        return { found: binding, namespace: pod.namespace }
      })
      return {
        binding: bindingToMessage(found, deps.chainStory, await deps.chainStory.touchesOf(found)),
      }
    }),
    listChains: unary(deps.logger, async ({ namespace, pageSize, afterSequence }, metadata) => {
      await permit(metadata, 'chains', 'list', namespace)
      const filter = namespace === '' ? {} : { namespace }
      const page = { afterSequence: Number(afterSequence), limit: pageLimit(pageSize) }
      const { bindings } = await deps.bindings.list(filter, page)
      return { bindings: bindings.map((binding) => bindingToMessage(binding, deps.chainStory)) }
    }),
  }
}

/** The audit for integrators, by their own RBAC. */
export function createAuditService(deps: ReaderDeps): GrpcHandlers<typeof AuditService> {
  const permit = createPermit(deps)
  const disclose = createDisclose(deps)
  return {
    getAuditEvent: unary(deps.logger, async ({ id }, metadata) => {
      const found = await disclose(metadata, 'auditevents', async () => {
        const event = await deps.auditEvents.get(id.toUpperCase())
        return event === undefined ? undefined : { found: event, namespace: event.caller.namespace }
      })
      return { event: eventToMessage(found) }
    }),
    listAuditEvents: unary(deps.logger, async (request, metadata) => {
      await permit(metadata, 'auditevents', 'list', request.namespace)
      const { events } = await readOn(deps.auditEvents, toFilter(request), {
        after: Number(request.afterSequence),
        limit: pageLimit(request.pageSize),
        ...(request.since === undefined ? {} : { sinceMs: timestampMs(request.since) }),
        ...(request.until === undefined ? {} : { untilMs: timestampMs(request.until) }),
      })
      return { events: events.map(eventToMessage) }
    }),
    watchAuditEvents(call) {
      const mayWatch = () => permit(call.metadata, 'auditevents', 'watch', call.request.namespace)
      mayWatch()
        .then(() => streamEvents(call, deps, mayWatch))
        .catch((error: unknown) => call.emit('error', toServiceError(Fault.from(error))))
    },
  }
}

type WatchCall = ServerWritableStream<
  WatchAuditEventsRequest,
  MessageInitShape<typeof WatchAuditEventsResponseSchema>
>

/** How long a reader who was permitted is believed to be; tokens end and RBAC changes. */
export const PERMIT_MS = 5_000

/** Sends what is there, then what comes, as fast as the reader takes it and while they may read it. */
async function streamEvents(
  call: WatchCall,
  deps: ReaderDeps,
  mayWatch: () => Promise<void>,
): Promise<void> {
  let permittedAtMs = deps.now()
  const filter = call.request.namespace === '' ? {} : { namespace: call.request.namespace }
  let afterSequence = Number(call.request.afterSequence)
  let wake = (): void => {}
  const stop = deps.auditEvents.onCommit(() => wake())
  call.once('cancelled', () => wake())
  try {
    while (!call.cancelled) {
      const committed = new Promise<void>((resolve) => {
        wake = resolve
      })
      const read = await readOn(deps.auditEvents, filter, {
        after: afterSequence,
        limit: PAGE_DEFAULT,
      })
      const { events } = read
      if (events.length > 0 && deps.now() - permittedAtMs >= PERMIT_MS) {
        await mayWatch()
        permittedAtMs = deps.now()
      }
      for (const event of events) {
        const taken = call.write({ event: eventToMessage(event) })
        if (!taken) await drained(call)
      }
      afterSequence = read.afterSequence
      if (events.length < PAGE_DEFAULT && !call.cancelled) await committed
    }
  } finally {
    stop()
  }
}

/** Resolves when the reader takes more, or has gone. A long watch waits often: nothing is left behind. */
export function drained(call: Pick<EventEmitter, 'on' | 'off'>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done)
      call.off('cancelled', done)
      resolve()
    }
    call.on('drain', done)
    call.on('cancelled', done)
  })
}

interface ReadRange {
  readonly after: number
  readonly limit: number
  /** Unix milliseconds: decisions made then or later. */
  readonly sinceMs?: number
  /** Unix milliseconds: decisions made before. */
  readonly untilMs?: number
}

/** The next events that a filter finds, and where to go on. Decisions do not wait for the search. */
async function readOn(
  auditEvents: AuditEventReader,
  filter: AuditEventFilter,
  { after, limit, sinceMs = 0, untilMs = Infinity }: ReadRange,
): Promise<{ readonly events: readonly AuditEvent[]; readonly afterSequence: number }> {
  const events: AuditEvent[] = []
  const scan = createAuditEventScan(
    auditEvents,
    filter,
    ({ decidedAtMs }) => decidedAtMs >= sinceMs && decidedAtMs < untilMs,
  )
  // Found by halving the log, so that what lies outside is not read.
  const first = sinceMs <= 0 ? after : Math.max(after, await scan.sequenceBefore(sinceMs))
  const last = untilMs === Infinity ? Infinity : await scan.sequenceUntil(untilMs)
  const afterSequence = await scan.forward(first, last, (event) => {
    events.push(event)
    return events.length < limit
  })
  return { events, afterSequence }
}

function toFilter(request: {
  readonly namespace: string
  readonly pod: string
  readonly rootRequester: string
  readonly effect: Effect
}): AuditEventFilter {
  // An allow with obligations is an allow: whoever selects those gets both.
  const effects = {
    [Effect.ALLOW]: 'allow',
    [Effect.HOLD]: 'hold',
    [Effect.DENY]: 'deny',
  } as const
  const effect = effects[request.effect as keyof typeof effects]
  if (effect === undefined && request.effect !== Effect.UNSPECIFIED) {
    throw new Fault('request_invalid', 'The effect to select is DENY, HOLD or ALLOW')
  }
  return {
    ...(request.namespace === '' ? {} : { namespace: request.namespace }),
    ...(request.pod === '' ? {} : { pod: request.pod }),
    ...(request.rootRequester === '' ? {} : { rootRequester: request.rootRequester }),
    ...(effect === undefined ? {} : { effect }),
  }
}

function pageLimit(pageSize: number): number {
  return pageSize === 0 ? PAGE_DEFAULT : Math.min(pageSize, PAGE_MAX)
}

function eventToMessage(event: AuditEvent): MessageInitShape<typeof AuditEventSchema> {
  return auditEventToMessage(event, canonicalChain(event.chain).digest)
}
