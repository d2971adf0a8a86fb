import { describe, expect, test } from 'vitest'
import { parseWrkOutput, wrkCommand } from './wrk.ts'

const line = (fields: object) =>
  `  Latency Distribution\n     50%    1.21ms\n\nRESULT ${JSON.stringify(fields)}\n`
const good = { p50Us: 1_210, p99Us: 4_000, requests: 800, durationUs: 1_000_123, failures: 0 }

describe('parseWrkOutput', () => {
  test('reads the line of the script among what wrk prints itself', () => {
    expect(parseWrkOutput(line(good))).toEqual(good)
  })

  test.each([
    ['no line', 'Running 1s test', /printed no result/],
    ['a failed request', line({ ...good, failures: 2 }), /2 of 800 requests/],
    ['no request', line({ ...good, requests: 0 }), /None of the requests/],
    ['a field that is not a number', line({ ...good, p50Us: 'nan' }), /p50Us/],
    ['not JSON', 'RESULT {', /JSON/],
  ])('throws for %s', (_, output, words) => {
    expect(() => parseWrkOutput(output)).toThrow(words)
  })
})

test('wrkCommand names connections, seconds and the URL', () => {
  const command = wrkCommand('https://127.0.0.1:1/x', 16, 5)
  expect(command).toEqual(expect.arrayContaining(['-c', '16', '5s', 'https://127.0.0.1:1/x']))
})
