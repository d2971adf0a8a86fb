import type { Quantity } from './quantity.ts'

/** What a container asks for of one resource, before its namespace is looked at. */
export interface Demand {
  readonly request: Quantity | undefined
  readonly limit: Quantity | undefined
  /** What stands in where one has to be there. */
  readonly usual: { readonly request: Quantity; readonly limit: Quantity }
  /** No limit goes below. */
  readonly floor: Quantity
}

/** What LimitRanges, quotas and the pod's class ask for of one resource. */
export interface FitRules {
  readonly min: Quantity | undefined
  readonly max: Quantity | undefined
  /** The largest limit for a request, in billionths. */
  readonly ratio: bigint | undefined
  /** Request and limit are to be the same. */
  readonly equal: boolean
  readonly limitAsked: boolean
  readonly requestAsked: boolean
}

export interface Fitted {
  readonly request: Quantity | undefined
  readonly limit: Quantity | undefined
}

const NANO = 1_000_000_000n
const MILLI = 1_000_000n

/**
 * What to ask for so that the rules hold, as near to the demand as can be; a limit never goes below the
 * demand's floor, even where the rules then do not hold. Keep in step with plugin/pkg/admission/
 * limitranger (v1.34): a minimum wants a request, a maximum a limit, a ratio both.
 */
export function fitDemand(demand: Demand, rules: FitRules): Fitted {
  const { min, max, ratio, equal, limitAsked, requestAsked } = rules
  const wantsLimit = limitAsked || equal || max !== undefined || ratio !== undefined
  const limit = demand.limit ?? (wantsLimit ? usualLimit(demand, ratio) : undefined)
  const wantsRequest = requestAsked || equal || min !== undefined || ratio !== undefined
  // kube-apiserver would take the limit for the request.
  const request =
    demand.request ?? (wantsRequest || limit !== undefined ? demand.usual.request : undefined)
  const bounded = limit === undefined ? undefined : larger(within(limit, min, max), demand.floor)
  if (request === undefined || bounded === undefined) {
    return {
      request: request === undefined ? undefined : within(request, min, max),
      limit: bounded,
    }
  }
  if (equal) return { request: bounded, limit: bounded }
  const needed = ratio === undefined ? request : larger(request, shareOf(bounded, ratio))
  return { request: smaller(within(needed, min, max), bounded), limit: bounded }
}

/** The largest of some minimums; undefined when there is none. */
export function atLeast(amounts: readonly Quantity[]): Quantity | undefined {
  return amounts.length === 0 ? undefined : amounts.reduce(larger)
}

/** The smallest of some maximums; undefined when there is none. */
export function atMost(amounts: readonly Quantity[]): Quantity | undefined {
  return amounts.length === 0 ? undefined : amounts.reduce(smaller)
}

/** The strictest of some ratios, in billionths; one that is no number above nothing is left out. */
export function ratioOf(ratios: readonly Quantity[]): bigint | undefined {
  return atMost(ratios.filter(({ nano }) => nano > 0n))?.nano
}

/** Nobody asked for that much: rather a small limit than a large request. */
function usualLimit({ usual, floor }: Demand, ratio: bigint | undefined): Quantity {
  if (ratio === undefined) return usual.limit
  const allowed = { ...usual.limit, nano: (usual.request.nano * ratio) / NANO }
  return larger(smaller(usual.limit, allowed), floor)
}

/** The smallest request to which the limit has this ratio, in whole thousandths or bytes. */
function shareOf(limit: Quantity, ratio: bigint): Quantity {
  const unit = limit.notation === 'binary' ? NANO : MILLI
  return { ...limit, nano: ceil(ceil(limit.nano * NANO, ratio), unit) * unit }
}

function ceil(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}

function within(amount: Quantity, min: Quantity | undefined, max: Quantity | undefined): Quantity {
  const raised = min === undefined ? amount : larger(amount, min)
  return max === undefined ? raised : smaller(raised, max)
}

function larger(one: Quantity, other: Quantity): Quantity {
  return other.nano > one.nano ? other : one
}

function smaller(one: Quantity, other: Quantity): Quantity {
  return other.nano < one.nano ? other : one
}
