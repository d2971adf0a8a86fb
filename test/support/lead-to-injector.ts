import {
  ApiregistrationV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { expect, vi } from 'vitest'
import {
  ADMISSION_GROUP,
  ADMISSION_VERSION,
  INJECTOR_SERVICE,
  SYSTEM_NAMESPACE,
} from '../../core/names.ts'
import type { InjectorFixture } from './injector-fixture.ts'

const NAME = `${ADMISSION_VERSION}.${ADMISSION_GROUP}`

/**
 * Makes kube-apiserver find the injector's process behind the APIService. There is no kube-proxy, so
 * the Service is a name for loopback; both may be there already, as the chart installs them.
 */
export async function leadToInjector(admin: KubeConfig, injector: InjectorFixture): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api)
  const registration = admin.makeApiClient(ApiregistrationV1Api)
  const { port } = injector.webhooks
  const where = { name: INJECTOR_SERVICE, namespace: SYSTEM_NAMESPACE }
  await core
    .createNamespace({ body: { metadata: { name: SYSTEM_NAMESPACE } } })
    .catch(() => undefined)
  await core.deleteNamespacedService(where).catch(() => undefined)
  await core.createNamespacedService({
    namespace: SYSTEM_NAMESPACE,
    body: {
      metadata: { name: INJECTOR_SERVICE },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
  })
  const service = { ...where, port }
  const spec = {
    group: ADMISSION_GROUP,
    version: ADMISSION_VERSION,
    groupPriorityMinimum: 1_000,
    versionPriority: 10,
    service,
  }
  await registration
    .createAPIService({ body: { metadata: { name: NAME }, spec } })
    .catch(() => undefined)
  await registration.patchAPIService(
    { name: NAME, body: { spec: { service } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  )
}

/** Resolves when kube-apiserver would call it. */
export async function waitUntilAvailable(admin: KubeConfig): Promise<void> {
  const registration = admin.makeApiClient(ApiregistrationV1Api)
  await vi.waitFor(async () => {
    const { status } = await registration.readAPIService({ name: NAME })
    const [available] = status?.conditions ?? []
    expect(`${available?.status} ${available?.message}`).toMatch(/^True /)
  }, 60_000)
}
