import type { Resources } from './pod.ts'

/** One line of a LimitRange, as Kubernetes has it. */
export interface LimitRangeItem {
  readonly type: string
  readonly min?: Resources['requests']
  readonly max?: Resources['requests']
  readonly maxLimitRequestRatio?: Resources['requests']
}

/** What a namespace asks of the resources of every container in it. */
export interface NamespaceLimits {
  /** The namespace's own annotations. */
  readonly annotations: Readonly<Record<string, string>>
  readonly limitRanges: readonly LimitRangeItem[]
  /** What its ResourceQuotas count, such as `limits.cpu`: each container must then say how much. */
  readonly quotas: readonly string[]
}

/** A namespace that asks for nothing. */
export const NO_LIMITS: NamespaceLimits = { annotations: {}, limitRanges: [], quotas: [] }
