import {
  ApiException,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type LivingPods, watchLivingPods } from '../../../control-plane/kubernetes/living-pods.ts'
import { createLogger } from '../../../platform/logger.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube } from '../../support/find-kubernetes.ts'

/* Which pods have ended, as a real kube-apiserver tells. */

const kube = findKube()
const namespace = 'team'
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
const WAIT = { timeout: 10_000 }
const logger = createLogger({ name: 'test', level: 'error' }, { write: () => undefined })

describe.skipIf(kube === undefined)('watchLivingPods()', () => {
  let apiServer: BareApiServer
  let admin: KubeConfig
  let core: CoreV1Api
  let gone: string[]
  let lists: number[]
  let pods: LivingPods

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    await core.createNamespace({ body: { metadata: { name: namespace } } })
    const account = { metadata: { name: 'default' } }
    await core.createNamespacedServiceAccount({ namespace, body: account })
  }, 120_000)
  afterAll(() => apiServer?.close())

  function start(): LivingPods {
    return watchLivingPods({
      ...{ config: admin, logger, now: () => 7 },
      onGone: (podUid) => void gone.push(podUid),
      onListed: (beganAtMs) => void lists.push(beganAtMs),
    })
  }

  beforeEach(async () => {
    gone = []
    lists = []
    pods = start()
    await expect.poll(() => pods.isSynced(), WAIT).toBe(true)
  })
  afterEach(() => pods.stop())

  async function create(name: string): Promise<string> {
    const metadata = { name, annotations: { big: 'x'.repeat(10_000) }, finalizers: ['test/kept'] }
    const spec = { automountServiceAccountToken: false, containers: [{ name: 'a', image: 'x' }] }
    const made = await core.createNamespacedPod({ namespace, body: { metadata, spec } })
    const podUid = made.metadata?.uid ?? ''
    await expect.poll(() => pods.has({ namespace, name, podUid }), WAIT).toBe(true)
    return podUid
  }

  const setPhase = (name: string, phase: string) =>
    core.patchNamespacedPodStatus({ namespace, name, body: { status: { phase } } }, MERGE)

  async function remove(name: string): Promise<void> {
    await core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 })
    const body = { metadata: { finalizers: null } }
    await core.patchNamespacedPod({ namespace, name, body }, MERGE).catch((error: unknown) => {
      expect(error).toBeInstanceOf(ApiException)
    })
  }

  test.each(['Succeeded', 'Failed'])('tells of a pod whose phase becomes %s', async (phase) => {
    const name = phase.toLowerCase()
    const podUid = await create(name)
    await setPhase(name, 'Running')
    await setPhase(name, phase)
    await expect.poll(() => gone, WAIT).toEqual([podUid])
    expect(pods.has({ namespace, name, podUid })).toBe(false)
    await remove(name)
  })

  test('leaves a pod that is being deleted until its object is gone', async () => {
    const podUid = await create('slow')
    await core.deleteNamespacedPod({ namespace, name: 'slow', gracePeriodSeconds: 0 })
    // Whatever is told of an object is told in the order of its changes.
    await setPhase('slow', 'Running')
    const after = await create('after')
    expect(gone).toEqual([])
    expect(pods.has({ namespace, name: 'slow', podUid })).toBe(true)
    await remove('slow')
    await expect.poll(() => gone, WAIT).toEqual([podUid])
    expect(pods.has({ namespace, name: 'after', podUid: after })).toBe(true)
    await remove('after')
  })

  test('tells the pods of one name apart', async () => {
    const first = await create('web')
    await remove('web')
    const second = await create('web')
    await expect.poll(() => gone, WAIT).toEqual([first])
    expect(pods.has({ namespace, name: 'web', podUid: first })).toBe(false)
    expect(pods.has({ namespace, name: 'web', podUid: second })).toBe(true)
    await remove('web')
  })

  test('lists what lives in pages, and nothing that has ended', async () => {
    const ended = await create('ended')
    await setPhase('ended', 'Failed')
    const body = {
      spec: { automountServiceAccountToken: false, containers: [{ name: 'a', image: 'x' }] },
    }
    const made: V1Pod[] = []
    for (let first = 0; first < 520; first += 20) {
      const some = Array.from({ length: 20 }, (_, index) => {
        const metadata = { name: `p${first + index}` }
        return core.createNamespacedPod({ namespace, body: { metadata, ...body } })
      })
      made.push(...(await Promise.all(some)))
    }
    await expect.poll(() => pods.size(), { timeout: 30_000 }).toBe(520)
    pods.stop()
    lists = []
    pods = start()
    await expect.poll(() => pods.isSynced(), WAIT).toBe(true)
    expect(lists).toEqual([7])
    expect(pods.size()).toBe(520)
    const last = made.at(-1)?.metadata
    expect(pods.has({ namespace, name: last?.name ?? '', podUid: last?.uid ?? '' })).toBe(true)
    expect(pods.has({ namespace, name: 'ended', podUid: ended })).toBe(false)
  }, 120_000)
})
