import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { watchLivingPods } from '../../../control-plane/kubernetes/living-pods.ts'
import { createLogger } from '../../../platform/logger.ts'

/* What 20,000 pods cost: pages of metadata as kube-apiserver sends them, some kilobytes for each pod. */

const PODS = 20_000
/** Labels, annotations and managed fields of a pod of a Deployment with a sidecar. */
const METADATA_BYTES = 4_000
const logger = createLogger({ name: 'test', level: 'error' }, { write: () => undefined })

let server: Server
let pages: number

beforeAll(async () => {
  pages = 0
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    response.setHeader('content-type', 'application/json')
    // A watch on which nothing comes.
    if (url.searchParams.get('watch') === 'true') return void response.flushHeaders()
    pages += 1
    const limit = Number(url.searchParams.get('limit'))
    const from = Number(url.searchParams.get('continue') ?? '0')
    const next = from + limit < PODS ? { continue: String(from + limit) } : {}
    const items = Array.from({ length: limit }, (_, index) => aPod(from + index))
    const metadata = { resourceVersion: '1', ...next }
    response.end(JSON.stringify({ kind: 'PartialObjectMetadataList', metadata, items }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function aPod(number: number) {
  const namespace = `team-${number % 50}`
  const name = `web-7c9d8b6f5-${String(number).padStart(6, '0')}`
  const annotations = { words: 'x'.repeat(METADATA_BYTES) }
  return { metadata: { name, namespace, uid: randomUUID(), resourceVersion: '1', annotations } }
}

function heapMiB(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed / 1_048_576
}

test('watchLivingPods() keeps less than 16 MiB of 20,000 pods', async () => {
  const { port } = server.address() as AddressInfo
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  )
  const before = heapMiB()
  const beganMs = performance.now()
  const pods = watchLivingPods({
    ...{ config, logger, now: () => 0 },
    onGone: () => undefined,
    onListed: () => undefined,
  })
  await expect.poll(() => pods.isSynced(), { timeout: 180_000 }).toBe(true)
  const tookMs = performance.now() - beganMs
  const kept = heapMiB() - before
  process.stdout.write(`20,000 pods: ${kept.toFixed(1)} MiB kept, ${Math.round(tookMs)} ms\n`)
  expect(pods.size()).toBe(PODS)
  expect(pages).toBe(PODS / 200)
  expect(kept).toBeLessThan(16)
  pods.stop()
}, 200_000)
