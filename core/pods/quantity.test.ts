import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatQuantity, parseQuantity } from './quantity.ts'

/** How kube-apiserver gives a quantity back. */
function canonical(text: string): string | undefined {
  const parsed = parseQuantity(text)
  return parsed === undefined ? undefined : formatQuantity(parsed)
}

describe('formatQuantity() writes as kube-apiserver does:', () => {
  test.each([
    ['64Mi', '64Mi'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Mi', '512Ki'],
    ['0.5Ki', '512'],
    ['4250656.25Ki', '4352672k'],
    ['1023Ki', '1023Ki'],
    ['1Ki', '1Ki'],
    ['0.001Mi', '1048576m'],
    ['1024', '1024'],
    ['1000', '1k'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['0.2', '200m'],
    ['0.10', '100m'],
    ['1.5', '1500m'],
    ['2000k', '2M'],
    ['010m', '10m'],
    ['0', '0'],
    ['0Mi', '0'],
    ['0.0001', '100u'],
    ['128974848', '128974848'],
    ['129e6', '129e6'],
    ['12e4', '120e3'],
    ['1000e0', '1e3'],
    ['1E3', '1e3'],
    ['1e0', '1'],
    ['1E', '1E'],
    ['1Ei', '1Ei'],
    ['1.', '1'],
    ['+1', '1'],
  ])('%s as %s', (text, want) => {
    expect(canonical(text)).toBe(want)
  })

  test('what was written so once stays, and is worth the same', () => {
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti')
    const amount = fc.tuple(fc.nat(5_000_000), fc.constantFrom('', '.5', '.25', '.001'), suffix)
    fc.assert(
      fc.property(amount, ([whole, fraction, unit]) => {
        const text = `${whole}${fraction}${unit}`
        const once = canonical(text) ?? ''
        expect(canonical(once)).toBe(once)
        expect(parseQuantity(once)?.nano).toBe(parseQuantity(text)?.nano)
      }),
      { numRuns: 2_000 },
    )
  })
})

test.each(['', 'lots', '1KB', '1 Mi', '-1', 'Mi', '1ki', '1e', '.5.5', '0.0000000001', '1mi'])(
  'parseQuantity() takes %j for none',
  (text) => {
    expect(parseQuantity(text)).toBeUndefined()
  },
)
