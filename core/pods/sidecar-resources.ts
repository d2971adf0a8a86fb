import { LANYARD_GROUP, MEMORY_LIMIT_ANNOTATION, SIDECAR_CONTAINER } from '../names.ts'
import { atLeast, atMost, type Demand, type FitRules, fitDemand, ratioOf } from './fit-demand.ts'
import type { LimitRangeItem, NamespaceLimits } from './namespace-limits.ts'
import { allContainers, type Container, type Pod, type PodSpec, type Resources } from './pod.ts'
import { formatQuantity, parseQuantity, type Quantity } from './quantity.ts'

/** What an installation gives its sidecars, and between what a namespace or a pod may choose. */
export interface SidecarAmounts {
  readonly cpuRequest: string
  /** Empty means none, unless the namespace or the pod's class asks for one. */
  readonly cpuLimit: string
  readonly memoryRequest: string
  readonly memoryLimit: string
  /** No CPU limit is below: the sidecar would not start in time. */
  readonly cpuLimitMin: string
  /** No memory limit is below: the sidecar would be killed under load. */
  readonly memoryLimitMin: string
  /** The most that an annotation may ask for. */
  readonly cpuMax: string
  readonly memoryMax: string
}

/** As the chart and the injector have them where nobody configures others. */
export const DEFAULT_AMOUNTS: SidecarAmounts = {
  cpuRequest: '10m',
  cpuLimit: '',
  memoryRequest: '64Mi',
  memoryLimit: '832Mi',
  cpuLimitMin: '100m',
  memoryLimitMin: '96Mi',
  cpuMax: '2',
  memoryMax: '1Gi',
}

const ANNOTATION = `${LANYARD_GROUP}/sidecar-`
const FIELDS = {
  [`${ANNOTATION}cpu-request`]: ['cpu', 'request'],
  [`${ANNOTATION}cpu-limit`]: ['cpu', 'limit'],
  [`${ANNOTATION}memory-request`]: ['memory', 'request'],
  [MEMORY_LIMIT_ANNOTATION]: ['memory', 'limit'],
} as const

/** CPU limit where one must be there and nobody says how much: enough to start in a second or two. */
const CPU_LIMIT = '500m'
/** A Guaranteed pod reserves its limits, so it is a smaller one. */
const CPU_LIMIT_GUARANTEED = '200m'
/** The container's log, which kubelet rotates at 10 MiB, five files; the sidecar writes no other file to disk. */
const STORAGE = { request: '16Mi', limit: '128Mi', floor: '64Mi' }

type Annotations = Readonly<Record<string, string>>
type ResourceName = 'cpu' | 'memory' | 'ephemeral-storage'

/** Whether an annotation of ours is for people to write, on a namespace or a pod. */
export function isResourceAnnotation(key: string): boolean {
  return key in FIELDS
}

/**
 * The resources of a pod's sidecar: what the pod's annotations say, else its namespace's, else the
 * installation; a limit and a request each where a LimitRange, a quota or the class Guaranteed asks for
 * one; and within the LimitRanges as far as the sidecar can run with it. Where it cannot,
 * kube-apiserver says so in the words of the LimitRange.
 */
export function sidecarResources(
  pod: Pod,
  amounts: SidecarAmounts,
  limits: NamespaceLimits,
): Resources {
  const annotations = { ...limits.annotations, ...pod.metadata.annotations }
  const guaranteed = isGuaranteed(pod.spec)
  const fitted = (['cpu', 'memory', 'ephemeral-storage'] as const).flatMap((name) => {
    const demand = demandOf(name, amounts, annotations, guaranteed)
    const rules = rulesOf(name, limits, pod.spec, guaranteed && name !== 'ephemeral-storage')
    const { request, limit } = fitDemand(demand, rules)
    return [{ name, request, limit }]
  })
  const side = (which: 'request' | 'limit') =>
    Object.fromEntries(
      fitted.flatMap((one) => {
        const amount = one[which]
        return amount === undefined ? [] : [[one.name, formatQuantity(amount)]]
      }),
    )
  const none = noneOf(limits)
  return { limits: { ...side('limit'), ...none }, requests: { ...side('request'), ...none } }
}

/**
 * None of each extended resource that a LimitRange bounds: a container that says nothing of it is refused,
 * and LimitRange defaults were given before the sidecar was there. Their names have a domain. Source:
 * maxConstraint of plugin/pkg/admission/limitranger (v1.34).
 */
function noneOf({ limitRanges }: NamespaceLimits): Readonly<Record<string, string>> {
  const bounded = limitRanges
    .filter(({ type }) => type === 'Container')
    .flatMap(({ max }) => Object.keys(max ?? {}))
  return Object.fromEntries(bounded.filter((name) => name.includes('/')).map((name) => [name, '0']))
}

/** Why the annotations of a pod or its namespace cannot be followed; undefined when they can. */
export function whyNotResources(
  annotations: Annotations,
  amounts: SidecarAmounts,
): string | undefined {
  for (const [key, [name, field]] of Object.entries(FIELDS)) {
    const text = annotations[key]
    if (text === undefined) continue
    const asked = parseQuantity(text)
    const [min, max] = [
      quantity(field === 'limit' ? amounts[`${name}LimitMin`] : '0'),
      quantity(amounts[`${name}Max`]),
    ]
    if (asked === undefined || asked.nano < min.nano || asked.nano > max.nano) {
      return `the annotation ${key} is ${JSON.stringify(text.slice(0, 40))}; write an amount from ${formatQuantity(min)} to ${formatQuantity(max)}`
    }
  }
  return undefined
}

/** Whether somebody left the sidecar less than it can run with; undefined when it is enough. */
export function whyTooLittle(
  resources: Resources | undefined,
  amounts: SidecarAmounts,
): string | undefined {
  for (const name of ['cpu', 'memory'] as const) {
    const limit = parseQuantity(String(resources?.limits?.[name] ?? ''))
    const min = amounts[`${name}LimitMin`]
    if (limit !== undefined && limit.nano < quantity(min).nano) {
      return `resources.limits.${name} is below ${min}`
    }
  }
  return undefined
}

function quantity(text: string): Quantity {
  return parseQuantity(text) ?? { nano: 0n, notation: 'decimal' }
}

function demandOf(
  name: ResourceName,
  amounts: SidecarAmounts,
  annotations: Annotations,
  guaranteed: boolean,
): Demand {
  if (name === 'ephemeral-storage') {
    const { request, limit, floor } = STORAGE
    const usual = { request: quantity(request), limit: quantity(limit) }
    return { request: undefined, limit: undefined, usual, floor: quantity(floor) }
  }
  const request = annotations[`${ANNOTATION}${name}-request`] ?? amounts[`${name}Request`]
  const limit = annotations[`${ANNOTATION}${name}-limit`] ?? amounts[`${name}Limit`]
  const automatic = guaranteed ? CPU_LIMIT_GUARANTEED : CPU_LIMIT
  return {
    request: quantity(request),
    limit: limit === '' ? undefined : quantity(limit),
    usual: { request: quantity(request), limit: quantity(limit === '' ? automatic : limit) },
    floor: quantity(amounts[`${name}LimitMin`]),
  }
}

function rulesOf(
  name: ResourceName,
  { limitRanges, quotas }: NamespaceLimits,
  spec: PodSpec,
  guaranteed: boolean,
): FitRules {
  const of = (type: string, field: 'min' | 'max' | 'maxLimitRequestRatio') =>
    limitRanges
      .filter((item) => item.type === type)
      .flatMap((item) => quantitiesOf(item, field, name))
  const left = of('Pod', 'max').map((max) => {
    const nano = max.nano - limitsOfOthers(spec, name)
    return { ...max, nano: nano < 0n ? 0n : nano }
  })
  return {
    min: atLeast(of('Container', 'min')),
    max: atMost([...of('Container', 'max'), ...left]),
    ratio: ratioOf(of('Container', 'maxLimitRequestRatio')),
    // With as much as its limit it cannot raise the ratio of the pod.
    equal: guaranteed || of('Pod', 'maxLimitRequestRatio').length > 0,
    limitAsked: quotas.includes(`limits.${name}`),
    requestAsked:
      quotas.includes(`requests.${name}`) || quotas.includes(name) || of('Pod', 'min').length > 0,
  }
}

function quantitiesOf(
  item: LimitRangeItem,
  field: 'min' | 'max' | 'maxLimitRequestRatio',
  name: ResourceName,
): readonly Quantity[] {
  const parsed = parseQuantity(String(item[field]?.[name] ?? ''))
  return parsed === undefined ? [] : [parsed]
}

/** As LimitRanger adds them up, but for init containers, which run one by one. */
function limitsOfOthers({ containers, initContainers = [] }: PodSpec, name: ResourceName): bigint {
  const beside = initContainers.filter(
    (container) => container.name !== SIDECAR_CONTAINER && container['restartPolicy'] === 'Always',
  )
  return [...containers, ...beside]
    .map(({ resources }) => parseQuantity(String(resources?.limits?.[name] ?? ''))?.nano ?? 0n)
    .reduce((sum, nano) => sum + nano, 0n)
}

/**
 * Whether the pod is Guaranteed without the sidecar: each container's limits of CPU and memory are its
 * requests. What a pod says as a whole decides instead where it is there. Keep in step with
 * component-helpers/qos ComputePodQOS (v1.34).
 */
function isGuaranteed(spec: PodSpec): boolean {
  if (spec.resources !== undefined && spec.resources !== null) return false
  const others = allContainers(spec).filter(({ name }) => name !== SIDECAR_CONTAINER)
  return others.every((container) =>
    (['cpu', 'memory'] as const).every((name) => isReserved(container, name)),
  )
}

function isReserved({ resources }: Container, name: 'cpu' | 'memory'): boolean {
  const limit = parseQuantity(String(resources?.limits?.[name] ?? ''))
  // kube-apiserver sets a request that is missing to the limit.
  const request = parseQuantity(String(resources?.requests?.[name] ?? resources?.limits?.[name]))
  return limit !== undefined && limit.nano > 0n && request?.nano === limit.nano
}
