import type { Logger } from '../../platform/logger.ts'
import type { ChainRegistry } from './chain-registry.ts'

/** Told of the namespaces that are opted in, at first and whenever they change. */
export type OptOuts = (optedIn: ReadonlySet<string>) => void

const RETRY_MS = 1_000

/**
 * Puts on record that a namespace is no longer opted in: its webhooks are asked about nothing, so
 * nobody can say later who edited what. At the start, this is said of each namespace with
 * workloads on record that is not opted in: its label may have gone while nobody looked.
 */
export function createOptOuts(deps: {
  readonly registry: Pick<ChainRegistry, 'recordUnwatched'>
  readonly namespacesOnRecord: () => Promise<readonly string[]>
  readonly logger: Logger
  readonly retryMs?: number
}): OptOuts {
  const { registry, logger } = deps
  const waiting = new Set<string>()
  let before: ReadonlySet<string> | undefined
  let running = Promise.resolve()

  async function recordAll(): Promise<void> {
    for (const namespace of waiting) {
      await registry.recordUnwatched(namespace)
      waiting.delete(namespace)
      logger.info({ namespace }, 'No longer opted in: its workloads are unattributed as well')
    }
  }

  /** One at a time, and again until it is on record. */
  function inTurn(work: () => Promise<void>): void {
    const attempt = (): Promise<void> =>
      work().catch(async (error: unknown) => {
        logger.warn({ error }, 'Cannot record which namespaces are no longer opted in')
        await new Promise((resolve) => setTimeout(resolve, deps.retryMs ?? RETRY_MS).unref())
        return attempt()
      })
    running = running.then(attempt)
  }

  return (optedIn) => {
    const known = before
    before = optedIn
    if (known === undefined) {
      inTurn(async () => {
        const onRecord = await deps.namespacesOnRecord()
        for (const name of onRecord) if (!optedIn.has(name)) waiting.add(name)
        await recordAll()
      })
      return
    }
    const gone = [...known].filter((name) => !optedIn.has(name))
    for (const name of gone) waiting.add(name)
    if (gone.length > 0) inTurn(recordAll)
  }
}
