import type { Logger } from '../../platform/logger.ts'
import { watchFile } from '../../platform/watched-file.ts'
import type { Credentials } from '../../proxy/exchange/credentials.ts'

/**
 * The pod's real token, for whichever container asks; kubelet renews its file. Throws when the file
 * cannot be read.
 */
export function openPodCredentials(options: {
  readonly tokenFile: string
  readonly fileCheckMs: number
  readonly logger: Logger
}): Credentials & { close(): void } {
  const { tokenFile: path, fileCheckMs: everyMs, logger } = options
  const token = watchFile({ path, everyMs, logger })
  return {
    headersFor: () => ['authorization', `Bearer ${token.text()}`],
    refused: () => void token.check(),
    problem: token.problem,
    close: token.close,
  }
}
