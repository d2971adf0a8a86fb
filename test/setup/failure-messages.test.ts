import { expect, test } from 'vitest'

test('a failed comparison says in its message what was seen, and what was wanted', () => {
  const steps = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`step ${index}`, true]),
  )
  const seen = { withLanyard: { ...steps, exec: ['said\n', 3] }, without: 'failed: no answer' }
  const compare = () => expect(seen).toEqual({ withLanyard: steps, without: steps })
  expect(compare).toThrow("without: 'failed: no answer'")
  expect(compare).toThrow(
    /withLanyard: \{.*exec: \[ 'said\\n', 3 \].*deeply equal.*'step 11': true/s,
  )
})
