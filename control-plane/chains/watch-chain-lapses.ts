import type { KubeConfig } from '@kubernetes/client-node'
import type { Logger } from '../../platform/logger.ts'
import { watchChainRevocations } from '../kubernetes/chain-revocations.ts'
import { watchServiceAccounts } from '../kubernetes/service-accounts.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { type ChainLapses, createChainLapses } from './chain-lapses.ts'

/** What ends chains, as far as the cluster says it. */
export interface WatchedLapses extends ChainLapses {
  /** What keeps decisions from being made; undefined when nothing does. */
  problem(): string | undefined
  stop(): void
}

/** Open requests of chains that end for their age are cut within this time. */
const SWEEP_MS = 1_000

/**
 * Begins to watch service accounts and revocations; until they are known, `problem` says so. `onLapse` is
 * called when chains may have ended that had not before; `onTime` when chains may have ended for their age.
 */
export function watchChainLapses(options: {
  readonly config: KubeConfig
  readonly logger: Logger
  readonly ageMsMax: number
  readonly podEndedAtMs: (binding: PodBinding) => number | undefined
  readonly now: () => number
  readonly onLapse: () => void
  readonly onTime: () => void
  /** `problem` may say something else than before. */
  readonly onSync: () => void
}): WatchedLapses {
  const { config, logger, ageMsMax, podEndedAtMs, now, onLapse, onTime, onSync } = options
  const accounts = watchServiceAccounts({ config, logger, onSync, onGone: onLapse })
  const revocations = watchChainRevocations({ config, logger, onSync, onChange: onLapse })
  const lapses = createChainLapses({
    ...{ ageMsMax, podEndedAtMs, now },
    account: accounts.find,
    revocationsOf: revocations.of,
  })
  const timer = ageMsMax === 0 ? undefined : setInterval(onTime, SWEEP_MS).unref()
  return {
    ...lapses,
    problem() {
      if (!accounts.isSynced()) return 'serviceaccounts are not in sync with kube-apiserver'
      return revocations.problem()
    },
    stop() {
      clearInterval(timer)
      accounts.stop()
      revocations.stop()
    },
  }
}
