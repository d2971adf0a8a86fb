import { UNSAFE_DELETE } from './delete-options.ts'
import type { QueryPair } from './request-target.ts'

/** What becomes of a parameter: `judged` also enters the decision; the others are passed on. */
export type ParameterUse = 'judged' | 'passed'

/** How kube-apiserver reads one query parameter. */
export interface QueryParameter {
  readonly name: string
  /** `first`: only the first counts, and only that one is sent. `all`: each counts. */
  readonly counts: 'first' | 'all'
  readonly use: ParameterUse
}

const first = (use: ParameterUse, ...names: readonly string[]): readonly QueryParameter[] =>
  names.map((name) => ({ name, counts: 'first', use }))
const all = (use: ParameterUse, ...names: readonly string[]): readonly QueryParameter[] =>
  names.map((name) => ({ name, counts: 'all', use }))

/**
 * Every query parameter that kube-apiserver reads for itself. Others are passed on as they came: an
 * aggregated API may know them.
 * Sources: Kubernetes v1.34 and v1.37, apimachinery/pkg/apis/meta/v1/types.go (ListOptions, GetOptions,
 * CreateOptions, UpdateOptions, PatchOptions, DeleteOptions, TableOptions), api/core/v1/types.go
 * (Pod…Options, NodeProxyOptions, ServiceProxyOptions), apimachinery/pkg/runtime/conversion.go (the
 * first of several), and what apiserver/pkg reads by `URL.Query()`.
 */
export const QUERY_PARAMETERS: readonly QueryParameter[] = [
  // List, watch and delete of collections: RequestInfo and the authorizer read these.
  ...first('judged', 'watch', 'fieldSelector', 'labelSelector', 'limit', 'timeoutSeconds'),
  ...first('passed', 'allowWatchBookmarks', 'resourceVersion', 'resourceVersionMatch', 'continue'),
  ...first('passed', 'sendInitialEvents', 'timeout', 'pretty', 'includeObject', 'shardSelector'),
  // Writes.
  ...first('passed', 'fieldManager', 'fieldValidation', 'force'),
  ...first('passed', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'),
  ...first('judged', UNSAFE_DELETE),
  ...all('passed', 'dryRun'),
  // Logs, exec, attach and port-forward: guards look at the container.
  ...first('judged', 'container', 'follow'),
  ...first('passed', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines'),
  ...first('passed', 'limitBytes', 'insecureSkipTLSVerifyBackend', 'stream'),
  ...first('passed', 'stdin', 'stdout', 'stderr', 'tty'),
  ...all('passed', 'command', 'ports'),
  // Proxies without a path after them.
  ...first('passed', 'path'),
  // Health, OpenAPI and debugging.
  ...all('passed', 'exclude', 'verbose'),
  ...first('passed', 'hash'),
]

const FIRST_COUNTS: ReadonlySet<string> = new Set(
  QUERY_PARAMETERS.filter(({ counts }) => counts === 'first').map(({ name }) => name),
)

/**
 * A query with the one meaning that kube-apiserver gives it: of a parameter that it reads once, the
 * first stays, so that nobody behind the decision can read another.
 */
export function countingParameters(query: readonly QueryPair[]): readonly QueryPair[] {
  const seen = new Set<string>()
  return query.filter(([key]) => {
    if (!FIRST_COUNTS.has(key)) return true
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
