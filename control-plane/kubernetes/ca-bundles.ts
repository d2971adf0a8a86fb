import {
  AdmissionregistrationV1Api,
  ApiregistrationV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { ACCESS_GROUP, ACCESS_VERSION, INJECTOR_SERVICE } from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'

/** A bundle that someone wiped would stop pods from being admitted, so it is looked at often. */
const INTERVAL_MS = 5_000

/**
 * Keeps `caBundle` of the webhook configurations and of the APIService equal to Lanyard's own
 * authority. The chart leaves them out, so an upgrade does not touch them.
 */
export function keepCaBundles(
  config: KubeConfig,
  certificatePem: string,
  logger: Logger,
): { stop(): void } {
  const caBundle = Buffer.from(certificatePem).toString('base64')
  const admission = config.makeApiClient(AdmissionregistrationV1Api)
  const registration = config.makeApiClient(ApiregistrationV1Api)
  const jsonPatch = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch)
  const name = INJECTOR_SERVICE
  type Webhooks = readonly { readonly clientConfig: { readonly caBundle?: string } }[]

  const webhookPatch = (webhooks: Webhooks = []) =>
    webhooks.flatMap(({ clientConfig }, index) =>
      clientConfig.caBundle === caBundle
        ? []
        : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle }],
    )

  async function checkAll(): Promise<void> {
    const mutating = await admission.readMutatingWebhookConfiguration({ name })
    const forMutating = webhookPatch(mutating.webhooks)
    if (forMutating.length > 0) {
      await admission.patchMutatingWebhookConfiguration({ name, body: forMutating }, jsonPatch)
    }
    const validating = await admission.readValidatingWebhookConfiguration({ name })
    const forValidating = webhookPatch(validating.webhooks)
    if (forValidating.length > 0) {
      await admission.patchValidatingWebhookConfiguration({ name, body: forValidating }, jsonPatch)
    }
    const service = { name: `${ACCESS_VERSION}.${ACCESS_GROUP}` }
    const { spec } = await registration.readAPIService(service)
    if (spec?.caBundle === caBundle) return
    const body = [{ op: 'add', path: '/spec/caBundle', value: caBundle }]
    await registration.patchAPIService({ ...service, body }, jsonPatch)
  }

  const check = (): void => {
    // Recorded and tried again at the next turn.
    checkAll().catch((error: unknown) => logger.warn({ error }, 'Cannot keep the CA bundles'))
  }
  check()
  const timer = setInterval(check, INTERVAL_MS)
  return { stop: () => clearInterval(timer) }
}
