import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CastVersion } from './asciicast.ts'
import { CastReader } from './cast-reader.ts'
import { SessionCast } from './session-cast.ts'
import type { SessionEvent } from './session-event.ts'

const HEADER = { timestamp: 1_700_000_000, command: 'sh' }

function output(atUs: number, ...bytes: readonly number[]): SessionEvent {
  return { atUs, kind: 'output', bytes: new Uint8Array(bytes) }
}

function render(
  events: readonly SessionEvent[],
  version: CastVersion = 3,
  terminal = true,
): readonly string[] {
  const cast = new SessionCast({ header: HEADER, terminal }, version)
  const text = events.map((event) => cast.push(event)).join('') + cast.end('finished', '')
  return text.split('\n').slice(1, -1)
}

const text = (atUs: number, kind: 'output' | 'error_output' | 'input', words: string) => ({
  ...{ atUs, kind },
  bytes: Buffer.from(words),
})

const EVERY: readonly SessionEvent[] = [
  { atUs: 0, kind: 'resize', columns: 100, rows: 40 },
  text(10, 'output', '$ '),
  text(20, 'input', 'ls\r'),
  text(30, 'error_output', 'oops\r\n'),
  { atUs: 40, kind: 'resize', columns: 90, rows: 30 },
  { atUs: 50, kind: 'marker', text: 'rule "x" stopped: rm' },
  {
    ...{ atUs: 60, kind: 'connection_opened', connection: 1, port: 8_080 },
    ...{ bytesToPod: 0, bytesFromPod: 0, error: '' },
  },
  {
    ...{ atUs: 70, kind: 'connection_closed', connection: 1, port: 8_080 },
    ...{ bytesToPod: 5, bytesFromPod: 7, error: 'refused' },
  },
  {
    ...{ atUs: 80, kind: 'file', direction: 'to_pod', name: 'a.txt', bytes: 3, sha256: 'ab' },
  },
  { atUs: 90, kind: 'file', direction: 'from_pod', name: 'b', bytes: 3, sha256: '' },
  { atUs: 100, kind: 'exit', code: 3, status: '{}' },
]

describe('SessionCast', () => {
  test('writes every kind of event in version 3', () => {
    expect(render(EVERY)).toEqual([
      '[0.000010, "o", "$ "]',
      '[0.000010, "i", "ls\\r"]',
      '[0.000010, "e", ""]',
      '[0.000000, "o", "oops\\r\\n"]',
      '[0.000010, "r", "90x30"]',
      '[0.000010, "m", "rule \\"x\\" stopped: rm"]',
      '[0.000010, "m", "connection 1 to port 8080 opened"]',
      '[0.000010, "m", "connection 1 to port 8080 closed, 5 bytes to the pod, 7 bytes from the pod: refused"]',
      '[0.000010, "m", "file a.txt copied to the pod, 3 bytes, SHA-256 ab"]',
      '[0.000010, "m", "file b copied from the pod, 3 bytes, the file is incomplete"]',
      '[0.000010, "x", "3"]',
    ])
  })

  test('writes version 2 with times, without error output’s mark, and the exit as a marker', () => {
    const lines = render(EVERY, 2)
    expect(lines).toHaveLength(10)
    expect(lines.slice(0, 3)).toEqual([
      '[0.000010, "o", "$ "]',
      '[0.000020, "i", "ls\\r"]',
      '[0.000030, "o", "oops\\r\\n"]',
    ])
    expect(lines.at(-1)).toBe('[0.000100, "m", "exit 3"]')
  })

  test.each<[string, readonly SessionEvent[], object]>([
    ['the first size', EVERY, { columns: 100, rows: 40 }],
    ['80x24 without one', [text(1, 'output', 'x')], { columns: 80, rows: 24 }],
    ['80x24 without events', [], { columns: 80, rows: 24 }],
  ])('gives the header %s', (_what, events, want) => {
    const cast = new SessionCast({ header: HEADER, terminal: true }, 3)
    const reader = new CastReader()
    const file = events.map((event) => cast.push(event)).join('') + cast.end('finished', '')
    reader.push(Buffer.from(file))
    expect(reader.header).toEqual({ ...HEADER, ...want })
  })

  test('puts a character together that is split over events of a stream, and of that stream only', () => {
    const errors: SessionEvent = { atUs: 2, kind: 'error_output', bytes: Buffer.from('!') }
    expect(render([output(1, 0xe2, 0x82), errors, output(3, 0xac, 0x41)])).toEqual([
      '[0.000002, "e", ""]',
      '[0.000000, "o", "!"]',
      '[0.000001, "o", "€A"]',
    ])
  })

  test('replaces what is not UTF-8, also what is incomplete at the end', () => {
    expect(render([output(1, 0x61, 0xff, 0x62), output(2, 0xe2, 0x82)])).toEqual([
      '[0.000001, "o", "a\ufffdb"]',
      '[0.000001, "o", "\ufffd"]',
    ])
  })

  test('writes CR before LF for a session without a terminal, but not into what was typed', () => {
    const events = [text(1, 'output', 'a\nb\r\n'), text(2, 'input', 'c\n')]
    expect(render(events, 3, false)).toEqual([
      '[0.000001, "o", "a\\r\\nb\\r\\n"]',
      '[0.000001, "i", "c\\n"]',
    ])
    expect(render(events)[0]).toBe('[0.000001, "o", "a\\nb\\r\\n"]')
  })

  test('says why a session ended, and the status of one without an exit code', () => {
    const cast = new SessionCast({ header: HEADER, terminal: true }, 3)
    cast.push({ atUs: 1, kind: 'exit', status: 'no such container' })
    expect(cast.end('cut', 'by carol: wrong pod')).toBe(
      '[0.000000, "m", "session ended, cut: by carol: wrong pod"]\n',
    )
    expect(render([{ atUs: 1, kind: 'exit', status: 'no such container' }])).toEqual([
      '[0.000001, "m", "exit no such container"]',
    ])
  })

  test('says once that the session was ended, where the sidecar has said it', () => {
    const cast = new SessionCast({ header: HEADER, terminal: true }, 3)
    const text = 'session ended, cut: enough'
    const before = cast.push({ kind: 'marker', atUs: 1, text })
    expect(before).toContain(text)
    expect(cast.end('cut', 'enough')).toBe('')
    expect(cast.end('cut', 'another reason')).toContain('session ended, cut: another reason')
  })

  test('shows all bytes of any text, however it is split', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(40)), (words, cuts) => {
        const bytes = Buffer.from(words)
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const events = places.map((from, at) =>
          output(at, ...bytes.subarray(from, places[at + 1] ?? bytes.length)),
        )
        const shown = render(events).map(
          (line) => (JSON.parse(line) as [number, string, string])[2],
        )
        expect(shown.join('')).toBe(bytes.toString())
      }),
    )
  })
})
