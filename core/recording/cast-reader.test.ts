import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../fault.ts'
import type { CastEvent, CastHeader, CastVersion } from './asciicast.ts'
import { CAST_LINE_BYTES_MAX, CastReader } from './cast-reader.ts'
import { CastWriter } from './cast-writer.ts'

const HEADER_3 = '{"version": 3, "term": {"cols": 80, "rows": 24}}\n'
const HEADER_2 = '{"version": 2, "width": 80, "height": 24}\n'

interface Cast {
  readonly header: CastHeader | undefined
  readonly events: readonly CastEvent[]
}

function read(...pieces: readonly (string | Uint8Array)[]): Cast {
  const reader = new CastReader()
  const bytes = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  const events = [...bytes.flatMap((piece) => reader.push(piece)), ...reader.end()]
  return { header: reader.header, events }
}

describe('CastReader', () => {
  test('reads version 3: intervals, comments, an exit, another program’s events', () => {
    const file = `${HEADER_3}[0.25, "o", "a"]\n# a comment\n\n[1, "r", "90x30"]\n[0, "z", "?"]\n[0.5, "x", "-1"]`
    expect(read(file)).toEqual({
      header: { columns: 80, rows: 24 },
      events: [
        { atUs: 250_000, code: 'o', text: 'a' },
        { atUs: 1_250_000, code: 'r', text: '90x30' },
        { atUs: 1_250_000, code: 'z', text: '?' },
        { atUs: 1_750_000, code: 'x', text: '-1' },
      ],
    })
  })

  test('reads version 2: times, and one that goes back', () => {
    expect(read(`${HEADER_2}[0.25, "o", "a"]\r\n[1, "i", "b"]\n[0.9, "m", ""]\n`).events).toEqual([
      { atUs: 250_000, code: 'o', text: 'a' },
      { atUs: 1_000_000, code: 'i', text: 'b' },
      { atUs: 1_000_000, code: 'm', text: '' },
    ])
  })

  test('reads every field of a header, and null for what a recorder did not know', () => {
    const rest = { timestamp: 1_504_467_315, idle_time_limit: 2, command: 'sh', title: 'Demo' }
    const term = { cols: 1, rows: 65_535, type: 'xterm', version: 'VTE', theme: { fg: '#000000' } }
    const fields = { version: 3, term, ...rest, env: { SHELL: '/bin/sh', X: null }, tags: ['a'] }
    expect(read(JSON.stringify(fields)).header).toEqual({
      columns: 1,
      rows: 65_535,
      terminalType: 'xterm',
      timestamp: 1_504_467_315,
      idleTimeLimit: 2,
      command: 'sh',
      title: 'Demo',
      env: { SHELL: '/bin/sh' },
    })
    const old = { version: 2, width: 0, height: 0, title: null, env: { TERM: 'vt100' } }
    expect(read(JSON.stringify(old)).header).toEqual({
      columns: 0,
      rows: 0,
      terminalType: 'vt100',
      env: { TERM: 'vt100' },
    })
  })

  test.each([
    ['an empty file', '', 'Line 1: the file is empty'],
    ['text', 'hello\n', 'Line 1: the line is not JSON: asciicast begins with a JSON object'],
    ['a list', '[]\n', 'Line 1: asciicast begins with a JSON object'],
    ['a comment first', `# x\n${HEADER_3}`, 'Line 1: the line is not JSON'],
    ['version 1', '{"version": 1}', 'Line 1: asciicast v1 is not read'],
    ['version 4', '{"version": 4}', 'Line 1: version 4 is not known: want 2 or 3'],
    ['no version', '{}', 'Line 1: version undefined is not known'],
    ['version 3 without a terminal', '{"version": 3}', 'Line 1: `term` is not an object'],
    ['no height', '{"version": 2, "width": 80}', 'Line 1: `height` is not a whole number'],
    ['a huge terminal', '{"version":2,"width":65536,"height":1}', 'Line 1: `width` is not'],
    ['a time as text', `${HEADER_2}["1", "o", ""]`, 'Line 2: the time is not a number'],
    ['a negative time', `${HEADER_3}[-1, "o", ""]`, 'Line 2: the time is not a number'],
    ['a time without end', `${HEADER_3}[1e300, "o", ""]`, 'Line 2: the time is too far'],
    ['times that add up', `${HEADER_3}${'[6e9, "o", ""]\n'.repeat(2)}`, 'Line 3: the time is too'],
    ['no code', `${HEADER_3}[1, "", ""]`, 'Line 2: the code is not one character'],
    ['a long code', `${HEADER_3}[1, "${'o'.repeat(17)}", ""]`, 'Line 2: the code is not one'],
    ['a text of numbers', `${HEADER_3}[1, "o", 5]`, 'Line 2: the text of the event is not text'],
    ['two elements', `${HEADER_3}[1, "o"]`, 'Line 2: want an event is [SECONDS, CODE, TEXT]'],
    ['an object', `${HEADER_3}{}`, 'Line 2: want an event is'],
    ['a size of one number', `${HEADER_3}[1, "r", "80"]`, 'Line 2: the size of a resize event'],
    ['a size too large', `${HEADER_3}[1, "r", "80x70000"]`, 'Line 2: the size of a resize event'],
    ['an exit of text', `${HEADER_3}[1, "x", "ok"]`, 'Line 2: the exit code is not a number'],
    ['half a line', `${HEADER_3}[1, "o", "ab`, 'Line 2: the line is not JSON'],
    ['a comment in version 2', `${HEADER_2}# x\n`, 'Line 2: the line is not JSON'],
  ])('refuses %s', (_what, file, want) => {
    expect(() => read(file)).toThrow(want)
  })

  test('refuses what is not UTF-8, and a line without end, before it is whole', () => {
    expect(() => read(HEADER_3, new Uint8Array([0xff, 0x0a]))).toThrow('Line 2: the line is not')
    const reader = new CastReader()
    reader.push(Buffer.from(HEADER_3))
    const piece = new Uint8Array(CAST_LINE_BYTES_MAX / 2).fill(0x20)
    reader.push(piece)
    reader.push(piece)
    expect(() => reader.push(new Uint8Array([0x20]))).toThrow('Line 2: the line is longer')
  })

  test('does not keep the buffer of its caller', () => {
    const reader = new CastReader()
    const buffer = Buffer.from(`${HEADER_3}[1, "o", "a`)
    reader.push(buffer)
    buffer.fill(0)
    expect(reader.push(Buffer.from('b"]\n'))).toEqual([{ atUs: 1_000_000, code: 'o', text: 'ab' }])
  })

  test('throws nothing but request_invalid, whatever the bytes', () => {
    const lines = fc.constantFrom(HEADER_3, HEADER_2, '[1, "o", "x"]\n', '[', '\n', '#', '"', '1e9')
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array(),
        lines.map((line) => Buffer.from(line)),
      ),
    )
    fc.assert(
      fc.property(pieces, (all) => {
        let code = 'request_invalid'
        try {
          read(...all)
        } catch (error) {
          code = Fault.from(error).code
        }
        expect(code).toBe('request_invalid')
      }),
      { numRuns: 2_000 },
    )
  })
})

const header = fc.record(
  {
    columns: fc.nat(65_535),
    rows: fc.nat(65_535),
    timestamp: fc.nat(),
    command: fc.string({ unit: 'binary' }),
    title: fc.string({ unit: 'binary' }),
    terminalType: fc.string({ unit: 'binary' }),
  },
  { requiredKeys: ['columns', 'rows'] },
)
const waits = fc.record({
  waitUs: fc.nat(100_000_000),
  code: fc.constantFrom('o', 'i', 'm', 'e'),
  text: fc.string({ unit: 'binary' }),
})

describe('CastWriter', () => {
  test.each<CastVersion>([2, 3])(
    'writes version %s so that CastReader reads the same',
    (version) => {
      fc.assert(
        fc.property(header, fc.array(waits), fc.nat(50), (head, all, cut) => {
          const writer = new CastWriter(version)
          let atUs = 0
          const events = all.map(({ waitUs, code, text }) => {
            atUs += waitUs
            return { atUs, code, text: text.toWellFormed() }
          })
          const lines = [writer.header(head), ...events.map((event) => writer.event(event))]
          const file = Buffer.from(lines.join(''))
          const back = read(file.subarray(0, cut), file.subarray(cut))
          expect(back.events).toEqual(events.filter(({ code }) => version === 3 || code !== 'e'))
          expect(back.header).toMatchObject({ columns: head.columns, rows: head.rows })
        }),
      )
    },
  )

  test('writes no character that a terminal obeys, and no half of a pair', () => {
    const writer = new CastWriter(3)
    const line = writer.event({ atUs: 1, code: 'o', text: '\x1b]52;\x9b\u202e\ud800é' })
    expect(line).toBe('[0.000001, "o", "\\u001b]52;\\u009b\\u202e\ufffdé"]\n')
  })

  test('refuses events out of order', () => {
    const writer = new CastWriter(3)
    writer.event({ atUs: 5, code: 'o', text: '' })
    expect(() => writer.event({ atUs: 4, code: 'o', text: '' })).toThrow('order of time')
  })
})
