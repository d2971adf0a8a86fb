import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node'
import type { Log } from '../test/cluster/progress.ts'
import { callGreedily, type GreedyCaller } from '../test/support/greedy-callers.ts'
import type { LimitedSidecar } from '../test/support/limited-sidecar.ts'

/** One kind of load, and how many callers came with it. */
export interface Load {
  readonly name: string
  readonly callers: number
  run(target: Target): Promise<readonly GreedyCaller[]>
}

/** What a load acts on. */
export interface Target {
  readonly sidecar: LimitedSidecar
  readonly admin: KubeConfig
  readonly log: Log
}

const namespace = 'team'
const MAPS = `/api/v1/namespaces/${namespace}/configmaps`
const EVENT_BYTES = 100_000
const BURST = 5
const BURST_SECONDS = 25
/** Two thirds of what etcd takes. */
const LISTED_BYTES = 1_000_000
const LISTED = 24

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Makes what lists answer with. */
export async function prepareLists(admin: KubeConfig): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api)
  const text = 'x'.repeat(LISTED_BYTES)
  for (let index = 0; index < LISTED; index += 1) {
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: `big-${index}`, labels: { big: 'yes' } }, data: { text } },
    })
  }
}

/** A watch begins with what is there already. */
async function forgetEvents({ admin }: Target): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api)
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'event=yes' })
}

async function burst({ admin, sidecar }: Target, seconds: number): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api)
  for (let index = 0; index < BURST; index += 1) {
    const body = {
      metadata: { generateName: 'event-', labels: { event: 'yes' } },
      data: { text: `${index}`.repeat(EVENT_BYTES) },
    }
    await core.createNamespacedConfigMap({ namespace, body })
  }
  for (let second = 0; second < seconds && sidecar.ended() === undefined; second += 1) {
    await sleep(1_000)
  }
}

/** Opens callers a few at a time, as programs that start do, until each has an answer or an end. */
async function openAll(
  { sidecar }: Target,
  count: number,
  options: Parameters<typeof callGreedily>[1],
): Promise<GreedyCaller[]> {
  const callers: GreedyCaller[] = []
  const waiting = () => callers.filter(({ httpStatus, closed }) => httpStatus === 0 && !closed)
  while (callers.length < count) {
    callers.push(callGreedily(sidecar, options))
    while (waiting().length >= 50) await sleep(5)
  }
  for (let tick = 0; tick < 100 && waiting().length > 0; tick += 1) await sleep(100)
  return callers
}

const watch = `${MAPS}?watch=true&labelSelector=event%3Dyes`

export const LOADS: readonly Load[] = [
  {
    name: 'watches, bursts of 100 KB events, callers that read',
    callers: 1_000,
    async run(target) {
      await forgetEvents(target)
      const callers = await openAll(target, 1_000, { target: watch })
      await burst(target, BURST_SECONDS)
      return callers
    },
  },
  {
    name: 'watches, bursts of 100 KB events, callers that do not read',
    callers: 1_000,
    async run(target) {
      await forgetEvents(target)
      const callers = await openAll(target, 1_000, { target: watch, bytesPerTick: 0 })
      await burst(target, BURST_SECONDS)
      return callers
    },
  },
  {
    name: 'lists of 24 MB, slow readers',
    callers: 200,
    async run(target) {
      const options = { target: `${MAPS}?labelSelector=big%3Dyes`, bytesPerTick: 50_000 }
      const callers = Array.from({ length: 200 }, () => callGreedily(target.sidecar, options))
      await sleep(BURST_SECONDS * 1_000)
      return callers
    },
  },
  {
    name: 'connections with a request each',
    callers: 500,
    async run(target) {
      const callers = Array.from({ length: 500 }, () =>
        callGreedily(target.sidecar, { target: `${MAPS}/one` }),
      )
      await sleep(15_000)
      return callers
    },
  },
]
