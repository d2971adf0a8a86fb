import { describe, expect, test } from 'vitest'
import { atLeast, atMost, type Demand, type FitRules, fitDemand, ratioOf } from './fit-demand.ts'
import { formatQuantity, parseQuantity, type Quantity } from './quantity.ts'

const NONE: FitRules = {
  min: undefined,
  max: undefined,
  ratio: undefined,
  equal: false,
  limitAsked: false,
  requestAsked: false,
}

function amount(text: string): Quantity {
  const quantity = parseQuantity(text)
  if (quantity === undefined) throw new Error(`${text} is no quantity`)
  return quantity
}

/** Memory: usually 64Mi of at most 160Mi, and never a limit below 96Mi. */
function demand(request?: string, limit?: string): Demand {
  return {
    request: request === undefined ? undefined : amount(request),
    limit: limit === undefined ? undefined : amount(limit),
    usual: { request: amount('64Mi'), limit: amount('160Mi') },
    floor: amount('96Mi'),
  }
}

/** `request of limit`, `-` for what is not asked for. */
function fitted(of: Demand, rules: Partial<FitRules>): string {
  const { request, limit } = fitDemand(of, { ...NONE, ...rules })
  const text = (quantity: Quantity | undefined) =>
    quantity === undefined ? '-' : formatQuantity(quantity)
  return `${text(request)} of ${text(limit)}`
}

const NANO = 1_000_000_000n

describe('fitDemand()', () => {
  test.each<[string, Demand, Partial<FitRules>, string]>([
    ['nothing where nothing is asked', demand(), {}, '- of -'],
    ['what is asked where no rule speaks', demand('32Mi', '200Mi'), {}, '32Mi of 200Mi'],
    ['the usual request beside a limit', demand(undefined, '200Mi'), {}, '64Mi of 200Mi'],
    ['a request alone', demand('32Mi'), {}, '32Mi of -'],
    ['the usual limit for a quota of limits', demand(), { limitAsked: true }, '64Mi of 160Mi'],
    ['the usual request for a quota of requests', demand(), { requestAsked: true }, '64Mi of -'],
    ['a request for a minimum', demand(), { min: amount('32Mi') }, '64Mi of -'],
    ['the minimum where it is more', demand(), { min: amount('65Mi') }, '65Mi of -'],
    ['the request at the minimum', demand(), { min: amount('64Mi') }, '64Mi of -'],
    ['a limit for a maximum', demand(), { max: amount('1Gi') }, '64Mi of 160Mi'],
    ['the limit at the maximum', demand(), { max: amount('160Mi') }, '64Mi of 160Mi'],
    ['the maximum where it is less', demand(), { max: amount('159Mi') }, '64Mi of 159Mi'],
    ['no less than the floor, at it', demand(), { max: amount('96Mi') }, '64Mi of 96Mi'],
    ['no less than the floor, below it', demand(), { max: amount('95Mi') }, '64Mi of 96Mi'],
    ['a request within the maximum', demand(), { max: amount('32Mi') }, '32Mi of 96Mi'],
    ['the limit twice, for one class', demand('32Mi', '160Mi'), { equal: true }, '160Mi of 160Mi'],
    ['the usual limit twice, for one class', demand(), { equal: true }, '160Mi of 160Mi'],
    ['no request above the limit', demand('200Mi', '160Mi'), {}, '160Mi of 160Mi'],
    [
      'a limit raised to the minimum',
      demand('32Mi', '100Mi'),
      { min: amount('128Mi') },
      '128Mi of 128Mi',
    ],
  ])('gives %s', (_title, of, rules, expected) => {
    expect(fitted(of, rules)).toBe(expected)
  })

  test.each<[string, Demand, bigint, string]>([
    ['which the usual amounts keep', demand(), 4n * NANO, '64Mi of 160Mi'],
    ['exactly', demand(), (5n * NANO) / 2n, '64Mi of 160Mi'],
    ['by a smaller limit that nobody asked for', demand(), 2n * NANO, '64Mi of 128Mi'],
    ['by a larger request at the floor', demand(), NANO, '96Mi of 96Mi'],
    [
      'by a larger request for a limit that is asked',
      demand('32Mi', '160Mi'),
      2n * NANO,
      '80Mi of 160Mi',
    ],
    ['in whole bytes', demand('1Mi', '160Mi'), 3n * NANO, '55924054 of 160Mi'],
  ])('keeps a ratio %s', (_title, of, ratio, expected) => {
    expect(fitted(of, { ratio })).toBe(expected)
  })

  test('keeps a ratio of processors in whole thousandths', () => {
    const of = { ...demand(), request: amount('1m'), limit: amount('100m'), floor: amount('10m') }
    expect(fitted(of, { ratio: 3n * NANO })).toBe('34m of 100m')
  })
})

test.each([
  [[], undefined, undefined],
  [['64Mi'], '64Mi', '64Mi'],
  [['64Mi', '1Gi', '65Mi'], '1Gi', '64Mi'],
  [['1', '1000m'], '1', '1'],
  [['0', '1'], '1', '0'],
])('atLeast() and atMost() of %j', (texts, least, most) => {
  const amounts = texts.map(amount)
  const format = (one: Quantity | undefined) =>
    one === undefined ? undefined : formatQuantity(one)
  expect(format(atLeast(amounts))).toBe(least)
  expect(format(atMost(amounts))).toBe(most)
})

test.each([
  [[], undefined],
  [['0'], undefined],
  [['2'], 2n * NANO],
  [['0', '4', '2500m'], (5n * NANO) / 2n],
])('ratioOf() of %j', (texts, expected) => {
  expect(ratioOf(texts.map(amount))).toBe(expected)
})
