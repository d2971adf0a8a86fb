import {
  ApiregistrationV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import {
  ACCESS_GROUP,
  ACCESS_VERSION,
  ADMISSION_GROUP,
  ADMISSION_VERSION,
} from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'

/** A bundle that someone wiped would stop pods from being admitted, so it is looked at often. */
const INTERVAL_MS = 5_000

const API_SERVICES = [
  `${ACCESS_VERSION}.${ACCESS_GROUP}`,
  `${ADMISSION_VERSION}.${ADMISSION_GROUP}`,
]

/**
 * Keeps `caBundle` of the two APIServices equal to Lanyard's own authority, each whatever becomes of
 * the other. The chart leaves them out, so an upgrade does not touch them.
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

  const check = (): void => {
    for (const name of API_SERVICES) {
      // Recorded and tried again at the next turn.
      keep(name).catch((error: unknown) => logger.warn({ error, name }, 'Cannot keep a CA bundle'))
    }
  }
  check()
  const timer = setInterval(check, INTERVAL_MS)
  return { stop: () => clearInterval(timer) }
}
