import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ControlPlaneConfig } from '../config.ts'
import type { ControlPlaneMetrics } from '../control-plane-metrics.ts'
import type { Store } from '../store/store.ts'
import type { RetentionLimits } from './due-removal.ts'
import { Retention } from './retention.ts'

const MEBIBYTE = 1_024 * 1_024

type RetentionConfig = Pick<
  ControlPlaneConfig,
  'auditRetentionDays' | 'auditMebibytesMax' | 'auditFreeMebibytesMin'
>

/** The settings in bytes. */
export function toRetentionLimits(config: RetentionConfig): RetentionLimits {
  return {
    daysMax: config.auditRetentionDays,
    bytesMax: config.auditMebibytesMax * MEBIBYTE,
    freeBytesMin: config.auditFreeMebibytesMin * MEBIBYTE,
  }
}

export interface StartRetention {
  readonly config: RetentionConfig
  readonly store: Store
  /** Free bytes of the volume of the records. */
  readonly freeBytes: () => number
  readonly metrics: Pick<ControlPlaneMetrics, 'removedDecisions'>
  readonly logger: Logger
}

/** Takes old records away from now on, as the settings say. */
export function startRetention({ config, store, ...deps }: StartRetention): Retention {
  const retention = new Retention({
    ...{ store, logger: deps.logger, readFreeBytes: deps.freeBytes, clock: SYSTEM_CLOCK },
    limits: toRetentionLimits(config),
    onRemoval: ({ reason, decisions }) => deps.metrics.removedDecisions.inc({ reason }, decisions),
  })
  retention.start()
  return retention
}
