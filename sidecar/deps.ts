import type { Logger } from '../platform/logger.ts'
import type { Authorizer } from './authorizer/authorizer.ts'
import type { Callers } from './callers.ts'
import type { MemoryGuard } from './memory-guard.ts'
import type { SidecarMetrics } from './sidecar-metrics.ts'
import type { Upstream } from './upstream/upstream.ts'

/** What serving a request needs. */
export interface SidecarDeps {
  readonly callers: Callers
  readonly authorizer: Authorizer
  readonly upstream: Upstream
  readonly memory: MemoryGuard
  readonly logger: Logger
  readonly metrics: SidecarMetrics
  readonly requestBodyBytesMax: number
  readonly upstreamHeadersTimeoutMs: number
  readonly openRequestsMax: number
}
