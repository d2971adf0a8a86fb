/*
 * Kubernetes' numbers with units, such as 10m or 160Mi. kube-apiserver stores each in one spelling
 * and gives it back so. Keep in step with apimachinery/pkg/api/resource (v1.34): quantity.go,
 * suffix.go.
 */

/** An amount in billionths, the smallest that Kubernetes knows, and how it is written. */
export interface Quantity {
  readonly nano: bigint
  readonly notation: 'binary' | 'decimal' | 'exponent'
}

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
/** By steps of a thousand, beginning with billionths. */
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const NANO = 1_000_000_000n
const QUANTITY = /^\+?(\d{1,40})(?:\.(\d{0,9}))?(n|u|m|k|[MGTPE]i?|Ki|[eE][-+]?\d{1,2})?$/

/** Undefined for what Kubernetes takes for no quantity, and for what is finer than billionths. */
export function parseQuantity(text: string): Quantity | undefined {
  const [, whole, fraction = '', suffix = ''] = QUANTITY.exec(text) ?? []
  if (whole === undefined) return undefined
  const digits = BigInt(whole + fraction)
  const scale = 10n ** BigInt(fraction.length)
  const binary = suffix === '' ? -1 : BINARY.indexOf(suffix)
  if (binary > 0) return exact(digits * NANO * 1_024n ** BigInt(binary), scale, 'binary')
  const decimal = DECIMAL.indexOf(suffix)
  if (decimal >= 0) return exact(digits * 1_000n ** BigInt(decimal), scale, 'decimal')
  const exponent = Number(suffix.slice(1))
  const raised = digits * NANO * 10n ** BigInt(Math.max(exponent, 0))
  return exact(raised, scale * 10n ** BigInt(Math.max(-exponent, 0)), 'exponent')
}

function exact(
  dividend: bigint,
  divisor: bigint,
  notation: Quantity['notation'],
): Quantity | undefined {
  return dividend % divisor === 0n ? { nano: dividend / divisor, notation } : undefined
}

/**
 * The one spelling in which kube-apiserver keeps the amount: no fraction, the largest unit. Bytes that
 * fit no binary unit lose their notation when they are read again, so they are written as they are then.
 */
export function formatQuantity({ nano, notation }: Quantity): string {
  if (nano === 0n) return '0'
  // Below 1024, and where bytes would be rounded, Kubernetes writes binary amounts as decimals.
  if (notation === 'binary' && nano >= 1_024n * NANO && nano % NANO === 0n) {
    const [number, step] = reduced(nano / NANO, 1_024n, BINARY.length - 1)
    if (step > 0) return `${number}${BINARY[step]}`
  }
  const [number, step] = reduced(nano, 1_000n, notation === 'exponent' ? 99 : DECIMAL.length - 1)
  if (notation !== 'exponent') return `${number}${DECIMAL[step]}`
  return step === 3 ? `${number}` : `${number}e${(step - 3) * 3}`
}

/** Divides as often as nothing is left over; returns the rest and how often. */
function reduced(amount: bigint, by: bigint, stepsMax: number): readonly [bigint, number] {
  let number = amount
  let step = 0
  while (step < stepsMax && number % by === 0n) {
    number /= by
    step += 1
  }
  return [number, step]
}
