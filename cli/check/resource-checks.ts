import type { LimitRangeItem, NamespaceLimits } from '../../core/pods/namespace-limits.ts'
import type { Pod, PodSpec, Resources } from '../../core/pods/pod.ts'
import { formatQuantity, parseQuantity } from '../../core/pods/quantity.ts'
import {
  type SidecarAmounts,
  sidecarResources,
  whyNotResources,
} from '../../core/pods/sidecar-resources.ts'
import { type CheckOutcome, failure, OK, warning } from './check-item.ts'
import type { PodTemplate } from './read-templates.ts'
import { shortenLines } from './shorten-lines.ts'

const LINES_MAX = 20
const AMOUNTS = ['cpu', 'memory', 'ephemeral-storage'] as const
/** Scopes of quotas that count pods with a sidecar; others count some pods only. */
const COUNTED_SCOPES = ['NotTerminating', 'NotBestEffort']

export interface LimitRangeObject {
  readonly metadata: { readonly name: string }
  readonly spec?: { readonly limits?: readonly DefaultingItem[] }
}

interface DefaultingItem extends LimitRangeItem {
  readonly default?: Resources['limits']
  readonly defaultRequest?: Resources['requests']
}

export interface QuotaObject {
  readonly metadata: { readonly name: string }
  readonly spec?: {
    readonly hard?: Readonly<Record<string, string>>
    readonly scopes?: readonly string[]
    readonly scopeSelector?: unknown
  }
  readonly status?: { readonly used?: Readonly<Record<string, string>> }
}

/** What a namespace has. */
export interface NamespaceRules {
  readonly annotations: Readonly<Record<string, string>>
  readonly limitRanges: readonly LimitRangeObject[]
  readonly quotas: readonly QuotaObject[]
}

/**
 * Whether sidecars fit a namespace's LimitRanges and ResourceQuotas. `running` are its pods without a
 * sidecar, which get one when they are made again. The injector fits what it can, and this only names the
 * rest: an error where Lanyard is on already.
 */
export function checkResources(
  rules: NamespaceRules,
  templates: readonly PodTemplate[],
  running: readonly Pod[],
  amounts: SidecarAmounts,
  optedIn: boolean,
): CheckOutcome {
  const limits = limitsOf(rules)
  const unusable = whyNotResources(rules.annotations, amounts)
  const refused = templates.flatMap(({ what, pod }) => {
    const own = whyNotResources(pod.metadata.annotations ?? {}, amounts)
    const why = own === undefined ? whyNotFit(rules, pod, amounts, limits) : [own]
    return why.map((reason) => `${what}: ${reason}`)
  })
  const full = rules.quotas.flatMap((quota) => whyFull(quota, running, rules, amounts, limits))
  const first = unusable === undefined ? [] : [`the namespace cannot be followed: ${unusable}`]
  const lines = [...first, ...shortenLines(refused, LINES_MAX), ...full]
  if (lines.length === 0) return OK
  return optedIn && (refused.length > 0 || first.length > 0) ? failure(...lines) : warning(...lines)
}

function limitsOf({ annotations, limitRanges, quotas }: NamespaceRules): NamespaceLimits {
  return {
    annotations,
    limitRanges: limitRanges.flatMap(({ spec }) => spec?.limits ?? []),
    quotas: quotas.flatMap(({ spec }) => Object.keys(spec?.hard ?? {})),
  }
}

/** Keep in step with plugin/pkg/admission/limitranger (v1.34): PodValidateLimitFunc. */
function whyNotFit(
  rules: NamespaceRules,
  pod: Pod,
  amounts: SidecarAmounts,
  limits: NamespaceLimits,
): readonly string[] {
  const defaulted = { ...pod, spec: withDefaults(pod.spec, rules.limitRanges) }
  const { requests, limits: most } = sidecarResources(defaulted, amounts, limits)
  return rules.limitRanges.flatMap(({ metadata: { name }, spec }) =>
    (spec?.limits ?? []).flatMap((item) =>
      AMOUNTS.flatMap((resource) => {
        const limit = nano(most?.[resource])
        const request = nano(requests?.[resource])
        const max = nano(item.max?.[resource])
        const asked = `the sidecar's limit of ${resource} is at least ${String(most?.[resource])}`
        if (item.type === 'Container' && limit !== undefined && max !== undefined && limit > max) {
          return [
            `${asked}, LimitRange ${name} lets a container have ${String(item.max?.[resource])}; raise its max.${resource}`,
          ]
        }
        const ratio = nano(item.maxLimitRequestRatio?.[resource])
        const strict = item.type === 'Container' && ratio !== undefined && ratio > 0n
        if (strict && limit !== undefined && limit * BILLION > ratio * (request ?? 0n)) {
          return [
            `${asked} for a request of ${String(requests?.[resource])}, more than the ratio of LimitRange ${name}; raise its maxLimitRequestRatio.${resource} or set the annotation lanyard.dev/sidecar-${resource}-request`,
          ]
        }
        const others = totalLimits(defaulted.spec, resource)
        const inPod = item.type === 'Pod' && limit !== undefined && max !== undefined
        if (inPod && others <= max && others + limit > max) {
          return [
            `${asked}, and LimitRange ${name} leaves ${formatQuantity({ nano: max - others, notation: 'binary' })} beside the pod's own containers; raise its max.${resource} or lower theirs`,
          ]
        }
        return []
      }),
    ),
  )
}

const BILLION = 1_000_000_000n

/** As LimitRanger defaults containers before webhooks see them. */
function withDefaults(spec: PodSpec, ranges: readonly LimitRangeObject[]): PodSpec {
  const items = ranges.flatMap((range) => range.spec?.limits ?? [])
  const defaults = items.filter(({ type }) => type === 'Container')
  const merged = (field: 'default' | 'defaultRequest') =>
    Object.assign({}, ...defaults.map((item) => item[field] ?? {})) as Record<string, unknown>
  return {
    ...spec,
    containers: spec.containers.map((container) => ({
      ...container,
      resources: {
        ...container.resources,
        limits: { ...merged('default'), ...container.resources?.limits },
        requests: {
          ...merged('defaultRequest'),
          ...container.resources?.limits,
          ...container.resources?.requests,
        },
      },
    })),
  }
}

function totalLimits({ containers }: PodSpec, resource: string): bigint {
  return containers.reduce((sum, one) => sum + (nano(one.resources?.limits?.[resource]) ?? 0n), 0n)
}

/** What the sidecars of running pods would take of a quota, where that is more than is left of it. */
function whyFull(
  { metadata: { name }, spec, status }: QuotaObject,
  running: readonly Pod[],
  rules: NamespaceRules,
  amounts: SidecarAmounts,
  limits: NamespaceLimits,
): readonly string[] {
  const scoped = (spec?.scopes ?? []).some((scope) => !COUNTED_SCOPES.includes(scope))
  if (scoped || (spec?.scopeSelector ?? undefined) !== undefined) return []
  const sidecars = running.map((pod) =>
    sidecarResources({ ...pod, spec: withDefaults(pod.spec, rules.limitRanges) }, amounts, limits),
  )
  return Object.entries(spec?.hard ?? {}).flatMap(([key, hard]) => {
    const [side, resource] = key.startsWith('limits.')
      ? (['limits', key.slice('limits.'.length)] as const)
      : (['requests', key.replace(/^requests\./, '')] as const)
    const wanted = sidecars.map((one) => nano(one[side]?.[resource]) ?? 0n)
    const need = wanted.reduce((sum, one) => sum + one, 0n)
    const left = (nano(hard) ?? 0n) - (nano(status?.used?.[key]) ?? 0n)
    if (need === 0n || need <= left) return []
    const fits = wanted.filter((_one, index) => sumOf(wanted.slice(0, index + 1)) <= left).length
    const notation = resource === 'cpu' ? 'decimal' : 'binary'
    const most = formatQuantity({ nano: (nano(hard) ?? 0n) + need - left, notation })
    const annotation = `lanyard.dev/sidecar-${resource}-${side === 'limits' ? 'limit' : 'request'}`
    const instead = AMOUNTS.slice(0, 2).some((one) => one === resource)
      ? `, or annotate the namespace with a smaller ${annotation}`
      : ''
    return [
      `ResourceQuota ${name}: ${key} has room for the sidecars of ${fits} of ${running.length} running pods; raise it from ${hard} to ${most}${instead}`,
    ]
  })
}

function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, one) => sum + one, 0n)
}

function nano(amount: unknown): bigint | undefined {
  return amount === undefined ? undefined : parseQuantity(String(amount))?.nano
}
