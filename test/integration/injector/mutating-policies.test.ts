import {
  AdmissionregistrationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  type V1Pod,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { keepCaBundles } from '../../../control-plane/kubernetes/ca-bundles.ts'
import { createLogger } from '../../../platform/logger.ts'
import { chosenKubernetes } from '../../cluster/kubernetes-versions.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube } from '../../support/find-kubernetes.ts'
import {
  type InjectorFixture,
  MUTATE,
  startInjectorFixture,
  VALIDATE,
} from '../../support/injector-fixture.ts'
import { leadToInjector, waitUntilAvailable } from '../../support/lead-to-injector.ts'

/*
 * MutatingAdmissionPolicies, on by default from Kubernetes 1.36, beside the injector: kube-apiserver applies
 * them before webhooks, and again after a webhook has changed the pod.
 */

const kube = findKube()
const isOld = ['1.30', '1.34'].includes(chosenKubernetes())
const namespace = 'team'
const GROUP = 'admissionregistration.k8s.io'
const PODS = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
const INJECTED = { matchLabels: { 'lanyard.dev/injection': 'enabled' } }

describe.skipIf(kube === undefined || isOld)('beside a MutatingAdmissionPolicy', () => {
  let apiServer: BareApiServer
  let injector: InjectorFixture
  let admin: KubeConfig
  let core: CoreV1Api
  let keeper: { stop(): void } | undefined

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    injector = await startInjectorFixture({}, apiServer.frontProxyCaPem)
    injector.publishAuthority()
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    await vi.waitFor(
      async () => expect((await injector.health('/readyz')).status).toBe(200),
      20_000,
    )
    await leadToInjector(admin, injector)
    const logger = createLogger({ name: 'test', level: 'error' })
    keeper = keepCaBundles(admin, injector.authorityPem, logger)
    await waitUntilAvailable(admin)
    await registerWebhooks(admin.makeApiClient(AdmissionregistrationV1Api))
    const labels = INJECTED.matchLabels
    await core.createNamespace({ body: { metadata: { name: namespace, labels } } })
    const account = { metadata: { name: 'default' } }
    await core.createNamespacedServiceAccount({ namespace, body: account })
    for (const [name, expression] of Object.entries(POLICIES)) await addPolicy(name, expression)
  }, 120_000)

  afterAll(async () => {
    keeper?.stop()
    await injector?.close()
    await apiServer?.close()
  })

  /** A policy for the pods that are labelled with its name. */
  async function addPolicy(name: string, expression: string): Promise<void> {
    const custom = admin.makeApiClient(CustomObjectsApi)
    const kind = { group: GROUP, version: 'v1' }
    const spec = {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'IfNeeded',
      matchConstraints: {
        objectSelector: { matchLabels: { policy: name } },
        resourceRules: [PODS],
      },
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
    }
    await custom.createClusterCustomObject({
      ...kind,
      plural: 'mutatingadmissionpolicies',
      body: {
        apiVersion: `${GROUP}/v1`,
        kind: 'MutatingAdmissionPolicy',
        metadata: { name },
        spec,
      },
    })
    await custom.createClusterCustomObject({
      ...kind,
      plural: 'mutatingadmissionpolicybindings',
      body: {
        apiVersion: `${GROUP}/v1`,
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name },
      },
    })
  }

  /** Creates a pod that the policy is about. */
  function create(policy: string, name: string): Promise<V1Pod> {
    const spec = { containers: [{ name: 'app', image: 'busybox:1' }] }
    const metadata = { name, labels: { policy } }
    return core.createNamespacedPod({ namespace, body: { metadata, spec } })
  }

  /** Policies are compiled some time after they are stored. */
  async function once(policy: string, look: (pod: Promise<V1Pod>) => Promise<void>): Promise<void> {
    let tries = 0
    await vi.waitFor(
      () => {
        tries += 1
        return look(create(policy, `${policy}-${tries}`))
      },
      { timeout: 20_000, interval: 500 },
    )
  }

  test('inject() serves the container that a policy adds', async () => {
    await once('adds', async (made) => {
      const pod = await made
      expect(pod.spec?.containers.map(({ name }) => name)).toEqual(['app', 'late'])
      for (const { env, volumeMounts } of pod.spec?.containers ?? []) {
        expect(env?.[0]).toEqual({ name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' })
        expect(volumeMounts?.[0]?.name).toBe('lanyard-run')
      }
    })
  })

  test('inject() puts back the sidecar that a policy exchanges', async () => {
    await once('exchanges', async (made) => {
      const pod = await made
      // What the policy has done besides shows that it is in force.
      expect(pod.metadata?.annotations?.['exchanged']).toBe('yes')
      const [sidecar] = pod.spec?.initContainers ?? []
      expect(sidecar?.name).toBe('lanyard-sidecar')
      expect(sidecar?.image).not.toBe('attacker:1')
    })
  })

  test('verify() refuses the pod of a policy that mounts the real token', async () => {
    await once('mounts', (made) => expect(made).rejects.toThrow(/mounts Lanyard's volume/))
  })
})

const SIDECAR_IS_THERE =
  'has(object.spec.initContainers) && object.spec.initContainers.exists(c, c.name == "lanyard-sidecar")'
const POLICIES = {
  adds: 'object.spec.containers.size() > 1 ? [] : [JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "late", image: "busybox:1"}}]',
  exchanges: `${SIDECAR_IS_THERE} ? [JSONPatch{op: "replace", path: "/spec/initContainers/0/image", value: "attacker:1"}, JSONPatch{op: "add", path: "/metadata/annotations/exchanged", value: "yes"}] : []`,
  mounts: `${SIDECAR_IS_THERE} ? [JSONPatch{op: "add", path: "/spec/containers/0/volumeMounts/-", value: Object.spec.containers.volumeMounts{name: "lanyard-api-token", mountPath: "/stolen"}}] : []`,
}

/** As the chart registers them. */
async function registerWebhooks(admission: AdmissionregistrationV1Api): Promise<void> {
  const hook = (name: string, path: string, sideEffects: string) => ({
    name,
    sideEffects,
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    namespaceSelector: INJECTED,
    rules: [PODS],
    clientConfig: { service: { namespace: 'default', name: 'kubernetes', port: 443, path } },
  })
  const metadata = { name: 'lanyard-injector' }
  const inject = { ...hook('inject.lanyard.dev', MUTATE, 'None'), reinvocationPolicy: 'IfNeeded' }
  await admission.createMutatingWebhookConfiguration({ body: { metadata, webhooks: [inject] } })
  const bind = hook('bind.lanyard.dev', VALIDATE, 'NoneOnDryRun')
  await admission.createValidatingWebhookConfiguration({ body: { metadata, webhooks: [bind] } })
}
