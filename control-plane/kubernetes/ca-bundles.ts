import {
  ApiException,
  ApiregistrationV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import {
  ACCESS_GROUP,
  ACCESS_VERSION,
  ADMISSION_GROUP,
  ADMISSION_VERSION,
  CERTIFICATE_AUTHORITY_CONFIG_MAP,
  CERTIFICATE_AUTHORITY_KEY,
  SYSTEM_NAMESPACE,
} from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'

/** A bundle that someone wiped would stop pods from being admitted, so it is looked at often. */
const INTERVAL_MS = 5_000

const API_SERVICES = [
  `${ACCESS_VERSION}.${ACCESS_GROUP}`,
  `${ADMISSION_VERSION}.${ADMISSION_GROUP}`,
]

/**
 * Keeps `caBundle` of the two APIServices, and the ConfigMap that the injector reads, equal to Lanyard's
 * own authority, each whatever becomes of the others. The chart leaves them out, so an upgrade does not
 * touch them.
 */
export function keepCaBundles(
  config: KubeConfig,
  certificatePem: string,
  logger: Logger,
): { stop(): void } {
  const caBundle = Buffer.from(certificatePem).toString('base64')
  const registration = config.makeApiClient(ApiregistrationV1Api)
  const jsonPatch = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch)

  async function keep(name: string): Promise<void> {
    const { spec } = await registration.readAPIService({ name })
    if (spec?.caBundle === caBundle) return
    const body = [{ op: 'add', path: '/spec/caBundle', value: caBundle }]
    await registration.patchAPIService({ name, body }, jsonPatch)
  }

  const core = config.makeApiClient(CoreV1Api)
  const metadata = { name: CERTIFICATE_AUTHORITY_CONFIG_MAP, namespace: SYSTEM_NAMESPACE }
  const published = { metadata, data: { [CERTIFICATE_AUTHORITY_KEY]: certificatePem } }

  async function publish(): Promise<void> {
    try {
      const { data } = await core.readNamespacedConfigMap(metadata)
      if (data?.[CERTIFICATE_AUTHORITY_KEY] === certificatePem) return
      await core.replaceNamespacedConfigMap({ ...metadata, body: published })
    } catch (error) {
      // It is not there yet; everything else is the caller's to record.
      if (!(error instanceof ApiException) || error.code !== 404) throw error
      await core.createNamespacedConfigMap({ namespace: SYSTEM_NAMESPACE, body: published })
    }
  }

  const check = (): void => {
    // Recorded and tried again at the next turn.
    for (const name of API_SERVICES) {
      keep(name).catch((error: unknown) => logger.warn({ error, name }, 'Cannot keep a CA bundle'))
    }
    publish().catch((error: unknown) => logger.warn({ error }, 'Cannot publish the authority'))
  }
  check()
  const timer = setInterval(check, INTERVAL_MS)
  return { stop: () => clearInterval(timer) }
}
