import { expect, test } from 'vitest'
import { CastEvents } from './cast-events.ts'

const atUs = 5
const x = new TextEncoder().encode('x')

test.each([
  ['output', [['o', 'x']], [{ kind: 'output', bytes: x }]],
  [
    'error output',
    [
      ['e', ''],
      ['o', 'x'],
    ],
    [{ kind: 'error_output', bytes: x }],
  ],
  [
    'output after error output',
    [
      ['e', ''],
      ['o', 'x'],
      ['o', 'x'],
    ],
    [{ kind: 'error_output' }, { kind: 'output' }],
  ],
  ['input', [['i', 'x']], [{ kind: 'input', bytes: x }]],
  ['a size', [['r', '9x8']], [{ kind: 'resize', columns: 9, rows: 8 }]],
  ['an exit', [['x', '-1']], [{ kind: 'exit', code: -1, status: '' }]],
  [
    'an exit that no process has',
    [['x', '9999999999']],
    [{ kind: 'marker', text: 'exit 9999999999' }],
  ],
  ['an empty marker', [['m', '']], [{ kind: 'marker', text: '' }]],
  ['a code of others', [['z', 'x']], [{ kind: 'marker', text: 'z: x' }]],
  ['a code of others like ours', [['e', 'x']], [{ kind: 'marker', text: 'e: x' }]],
])('CastEvents takes %s', (_name, lines, want) => {
  const events = new CastEvents()
  const got = lines.flatMap(([code = '', text = '']) => events.push({ atUs, code, text }))
  expect(got).toMatchObject(want.map((event) => ({ ...event, atUs })))
})

test('CastEvents divides a long marker', () => {
  const text = 'x'.repeat(40_000)
  const got = new CastEvents().push({ atUs, code: 'm', text })
  expect(got.map((event) => (event as { text: string }).text).join('')).toBe(text)
  expect(got).toHaveLength(3)
})
