import type { Logger } from '../platform/logger.ts'
import type { OpenBodyFilter } from './exchange/body-filter.ts'
import type { Credentials } from './exchange/credentials.ts'
import type { OpenRecording } from './exchange/tunnel-recording.ts'
import type { MemoryGuard } from './front/memory-guard.ts'
import type { Authorizer } from './judgement/authorizer.ts'
import type { Callers } from './judgement/caller.ts'
import type { ProxyMetrics } from './metrics.ts'
import type { Upstream } from './upstream/upstream.ts'

/** What serving a request needs. */
export interface ProxyDeps {
  readonly callers: Callers
  readonly authorizer: Authorizer
  readonly credentials: Credentials
  readonly upstream: Upstream
  /** What every byte of an exchange passes; absent when all pass as they are. */
  readonly openFilter?: OpenBodyFilter
  /** Opens the record of a tunnel that is to be recorded. */
  readonly openRecording: OpenRecording
  readonly memory: MemoryGuard
  readonly logger: Logger
  readonly metrics: ProxyMetrics
  readonly requestBodyBytesMax: number
  readonly upstreamHeadersTimeoutMs: number
  readonly openRequestsMax: number
  /** Memory limit of the process, in bytes; 0 when there is none. */
  readonly memoryLimitBytes: number
}
