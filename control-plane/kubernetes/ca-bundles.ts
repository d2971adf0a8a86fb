import { isDeepStrictEqual } from 'node:util'
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

/** Key in the ConfigMap: the audiences that the API server takes, one a line. */
const AUDIENCES_KEY = 'api-audiences'

const API_SERVICES = [
  `${ACCESS_VERSION}.${ACCESS_GROUP}`,
  `${ADMISSION_VERSION}.${ADMISSION_GROUP}`,
]

/**
 * Keeps `caBundle` of the two APIServices, and the ConfigMap that the injector reads, equal to Lanyard's
 * own authority and to what it knows of the API server, each whatever becomes of the others. The chart leaves them out, so an upgrade does not
 * touch them.
 */
export function keepCaBundles(
  config: KubeConfig,
  certificatePem: string,
  logger: Logger,
  apiAudiences?: readonly string[] | undefined,
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
  // The admission policy of tokens reads the audiences; without them it takes no token for another's.
  const audiences = apiAudiences === undefined ? {} : { [AUDIENCES_KEY]: apiAudiences.join('\n') }
  const data = { [CERTIFICATE_AUTHORITY_KEY]: certificatePem, ...audiences }
  const published = { metadata, data }

  async function publish(): Promise<void> {
    try {
      const there = await core.readNamespacedConfigMap(metadata)
      if (isDeepStrictEqual({ ...there.data }, data)) return
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
