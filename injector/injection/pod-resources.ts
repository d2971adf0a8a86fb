import type { PodSpec, Resources } from '../../core/pods/pod.ts'
import { formatQuantity, parseQuantity, type Quantity } from '../../core/pods/quantity.ts'

type Amounts = Readonly<Record<string, Quantity>>

/**
 * Makes room for all containers in what a pod says it takes as a whole (`spec.resources`), where it
 * says so: kube-apiserver refuses a pod whose containers ask for more together, and its author did not
 * count the sidecar. Only ever raises, to just what is needed, so that doing it again changes nothing.
 * A Guaranteed pod stays Guaranteed: its requests are raised to its limits.
 *
 * Keep in step with Kubernetes component-helpers/resource.AggregateContainerRequests,
 * validatePodResourceConsistency and component-helpers/qos ComputePodQOS (v1.34).
 */
export function withRoomForAll(spec: PodSpec): PodSpec {
  const { resources } = spec
  if (resources === undefined || resources === null) return spec
  const asked = raised(resources.requests, requestsOfAll(spec))
  const inLimits = [...(spec.initContainers ?? []), ...spec.containers].map((container) =>
    amountsOf(container.resources?.limits),
  )
  // A limit below the request of the same pod is refused as well.
  const limits = raised(resources.limits, [amountsOf(asked), ...inLimits].reduce(largest, {}))
  const requests = isReserved(resources) ? raised(asked, ofClass(limits)) : asked
  return {
    ...spec,
    resources: {
      ...resources,
      ...(requests === undefined ? {} : { requests }),
      ...(limits === undefined ? {} : { limits }),
    },
  }
}

/** What decides the class of a pod. */
const CLASS = ['cpu', 'memory']

/** Whether what a pod says as a whole makes it Guaranteed. */
export function isReserved({ requests, limits }: Resources): boolean {
  const [asked, most] = [amountsOf(requests), amountsOf(limits)]
  return CLASS.every((name) => most[name] !== undefined && asked[name]?.nano === most[name].nano)
}

function ofClass(amounts: Resources['requests']): Amounts {
  const all = Object.entries(amountsOf(amounts))
  return Object.fromEntries(all.filter(([name]) => CLASS.includes(name)))
}

/** Native sidecars run beside everything that starts after them; other init containers one by one. */
function requestsOfAll(spec: PodSpec): Amounts {
  let beside: Amounts = {}
  let atStart: Amounts = {}
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container.resources?.requests)
    const running = sum(beside, own)
    if (container['restartPolicy'] === 'Always') beside = running
    atStart = largest(atStart, running)
  }
  const together = spec.containers
    .map((container) => amountsOf(container.resources?.requests))
    .reduce(sum, beside)
  return largest(together, atStart)
}

/** What cannot be read is left out: kube-apiserver refuses it in its own words. */
function amountsOf(amounts: Resources['requests']): Amounts {
  return Object.fromEntries(
    Object.entries(amounts ?? {}).flatMap(([name, text]) => {
      const parsed = parseQuantity(String(text))
      return parsed === undefined ? [] : [[name, parsed]]
    }),
  )
}

function sum(one: Amounts, other: Amounts): Amounts {
  return combined(one, other, (a, b) => ({ ...a, nano: a.nano + b.nano }))
}

function largest(one: Amounts, other: Amounts): Amounts {
  return combined(one, other, (a, b) => (b.nano > a.nano ? b : a))
}

function combined(
  one: Amounts,
  other: Amounts,
  combine: (a: Quantity, b: Quantity) => Quantity,
): Amounts {
  const both = Object.entries(other).map(([name, amount]) => {
    const mine = one[name]
    return [name, mine === undefined ? amount : combine(mine, amount)] as const
  })
  return { ...one, ...Object.fromEntries(both) }
}

/** What is declared, where it is enough; nothing is declared that was not. */
function raised(declared: Resources['requests'], needed: Amounts): Resources['requests'] {
  if (declared === undefined || declared === null) return undefined
  return Object.fromEntries(
    Object.entries(declared).map(([name, text]) => {
      const [have, want] = [parseQuantity(String(text)), needed[name]]
      const enough = have === undefined || want === undefined || want.nano <= have.nano
      return [name, enough ? text : formatQuantity(want)]
    }),
  )
}
