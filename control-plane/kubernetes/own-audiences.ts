import { SERVICE_ACCOUNT_PATH } from '../../core/pods/sidecar-contract.ts'
import { readApiAudiences } from '../../platform/api-audiences.ts'
import type { Logger } from '../../platform/logger.ts'

/**
 * Whom tokens for this API server are for: as the control plane's own token says, and as is configured.
 * Undefined when neither does, so that no token is taken for somebody else's.
 */
export async function readOwnAudiences(
  configuredText: string,
  logger: Logger,
): Promise<readonly string[] | undefined> {
  const configured = configuredText.split(',').map((audience) => audience.trim())
  try {
    return [...(await readApiAudiences(SERVICE_ACCOUNT_PATH)), ...configured]
  } catch (error) {
    // Recorded: outside of a pod there is no such token.
    logger.warn({ error }, "Cannot tell the API server's audiences; set apiAudiences")
    return configuredText === '' ? undefined : configured
  }
}
