import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CredentialScanner } from './credential-scanner.ts'
import { maskText } from './mask-text.ts'
import type { MaskWords } from './mask-words.ts'
import { HELD_BYTES_MAX, HELD_MS_MAX, TextMasker } from './text-masker.ts'

const SEED = 20_261_128
const scanner = new CredentialScanner()
const WORDS: MaskWords = { tokenOf: (value) => `<${value.length}>`, unknown: '<?>' }

const TOKEN = `ghp${'_'}S3cdLqBfA9kq2hYw7Vt0pXeR5nMz1u2Kd8Tj`
/** What a credential looks like, what may stand before and behind, and what must not be seen of it. */
const SECRETS: readonly (readonly [string, string])[] = [
  [`password=Zq8vKd3xW9`, 'Zq8vKd3xW9'],
  [`"token": "b7Kq2LmX9rTz4WvY"`, 'b7Kq2LmX9rTz4WvY'],
  [TOKEN, TOKEN.slice(4)],
  ['postgres://app:Zq8vKd3xW9@db/x', 'Zq8vKd3xW9'],
  ['Authorization: Bearer b7Kq2LmX9rTz4WvYcc', 'b7Kq2LmX9rTz4WvYcc'],
  [`{\\"clientSecret\\":\\"b7Kq2LmX9rTz4WvY\\"}`, 'b7Kq2LmX9rTz4WvY'],
  ['--api-key b7Kq2LmX9rTz4WvY', 'b7Kq2LmX9rTz4WvY'],
]
const secret = fc.constantFrom(...SECRETS)
const letters = fc.constantFrom(
  ...'abc {}[]":,=\n\r\t\\/\'`<>$@#!0169.-_',
  '\x1b[31m',
  '\x1b[0m',
  '\xff',
  '\xc3',
)
const noise = fc.array(letters, { maxLength: 60 }).map((parts) => parts.join(''))

interface Step {
  readonly bytes: number
  readonly waits: boolean
}

function run(text: string, steps: readonly Step[]): Buffer {
  const masker = new TextMasker(scanner, WORDS)
  const bytes = Buffer.from(text, 'latin1')
  const out: Buffer[] = []
  let at = 0
  let nowMs = 0
  for (const step of [...steps, { bytes: bytes.length, waits: false }]) {
    const chunk = Buffer.from(bytes.subarray(at, at + step.bytes))
    out.push(Buffer.from(masker.push(chunk, nowMs)))
    chunk.fill(0x21)
    at += step.bytes
    nowMs += step.waits ? HELD_MS_MAX : 1
    out.push(Buffer.from(masker.flush(nowMs)))
  }
  out.push(masker.end())
  return Buffer.concat(out)
}

const steps = (waits: fc.Arbitrary<boolean>) =>
  fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 30 }), waits }), { maxLength: 40 })

test('TextMasker gives the same for any pieces that come in time', () => {
  const text = fc.array(
    fc.oneof(
      noise,
      secret.map(([whole]) => ` ${whole} `),
    ),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(text, steps(fc.constant(false)), (parts, pieces) => {
      const whole = parts.join('')
      expect(run(whole, pieces.slice(0, 60)).toString('latin1')).toBe(
        run(whole, []).toString('latin1'),
      )
    }),
    { seed: SEED, numRuns: 1_500 },
  )
})

test('TextMasker lets no credential through, however late its pieces come', () => {
  fc.assert(
    fc.property(
      noise,
      secret,
      noise,
      steps(fc.boolean()),
      (before, [whole, hidden], behind, pieces) => {
        // On a line of its own, so that what stands before cannot be a string that holds it.
        const out = run(`${before.replaceAll(/["'`\\]/g, '')}\n${whole}\n${behind}`, pieces)
        expect(out.toString('latin1')).not.toContain(hidden)
      },
    ),
    { seed: SEED, numRuns: 2_000 },
  )
})

test.each(SECRETS)(
  'TextMasker shows at most the beginning of %s when it is cut anywhere for longer',
  (whole, hidden) => {
    for (let at = 0; at <= whole.length; at += 1) {
      const line = `$ ${whole}\r\n`
      const out = run(line, [{ bytes: at + 2, waits: true }]).toString('latin1')
      const shown = [...hidden].findIndex((_, length) => !out.includes(hidden.slice(0, length + 1)))
      expect(out).not.toContain(hidden.slice(-6))
      expect(shown).toBeLessThan(6)
    }
  },
)

test('TextMasker passes on any bytes that hold nothing, byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), steps(fc.boolean()), (bytes, pieces) => {
      const text = Buffer.from(bytes).toString('latin1').replaceAll(/[=:]/g, ' ')
      expect(run(text, pieces).toString('latin1')).toBe(text)
    }),
    { seed: SEED, numRuns: 1_000 },
  )
})

test('TextMasker keeps back no more than it may, and shows a prompt in time', () => {
  const masker = new TextMasker(scanner, WORDS)
  expect(masker.push(Buffer.from('Password: '), 1_000).toString()).toBe('')
  expect(masker.dueMs).toBe(1_000 + HELD_MS_MAX)
  expect(masker.flush(1_000 + HELD_MS_MAX - 1).toString()).toBe('')
  expect(masker.flush(1_000 + HELD_MS_MAX).toString()).toBe('Password: ')
  expect(masker.dueMs).toBeUndefined()
  let [came, went] = [10, 10]
  for (let at = 0; at < 400; at += 1) {
    const chunk = Buffer.alloc(1_000, 'lorem ipsum ')
    came += chunk.length
    went += masker.push(chunk, 2_000).length
    expect(came - went).toBeLessThanOrEqual(HELD_BYTES_MAX)
  }
})

test('TextMasker hides what stands at the seams of a line of a megabyte', () => {
  const filler = 'lorem ipsum '.repeat(5_000).slice(0, HELD_BYTES_MAX - 2_000)
  for (let shift = 0; shift < 4_000; shift += 37) {
    const line = `${filler}${'x '.repeat(Math.floor(shift / 2))} password=Zq8vKd3xW9 ${filler}${TOKEN} ${filler}\n`
    const out = run(line, []).toString('latin1')
    expect(out).not.toContain('Zq8vKd3xW9')
    expect(out).not.toContain(TOKEN.slice(4))
  }
})

test('TextMasker hides all of a value that is longer than what it keeps back', () => {
  const value = 'k9Xq2vLkP0aZ7mWc4RtY'.repeat(20_000)
  const out = run(`a {"token":"${value}","b":1}\nend\n`, []).toString('latin1')
  expect(out).not.toContain('k9Xq2vLkP0')
  expect(out.length).toBeLessThan(2_000)
  expect(out).toMatch(/^a \{"token":"/)
  expect(out).toMatch(/"b":1\}\nend\n$/)
})

test('maskText() throws for no text, and is done soon with those that are made to take long', {
  timeout: 240_000,
}, () => {
  const hostile = [
    'token='.repeat(20_000),
    'password="'.repeat(20_000),
    '-----BEGIN PRIVATE KEY-----'.repeat(5_000),
    'eyJ-eyJ.'.repeat(15_000),
    ':AA'.repeat(10_000),
    'mysql '.repeat(5_000),
    'cookie='.repeat(4_000),
    'secret=(a'.repeat(12_000),
    '://a:'.repeat(20_000),
    'secret\\"'.repeat(15_000),
    '\\'.repeat(100_000),
    'x'.repeat(10_000_000),
    '"name":"password",'.repeat(6_000),
    'password: |\n  '.repeat(8_000),
  ]
  const before = process.cpuUsage()
  for (const text of hostile) maskText(text, scanner, WORDS)
  const { user } = process.cpuUsage(before)
  expect(user / 1e6).toBeLessThan(60)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), noise, (text, other) => {
      maskText(text + other, scanner, WORDS)
    }),
    { seed: SEED, numRuns: 2_000 },
  )
})
