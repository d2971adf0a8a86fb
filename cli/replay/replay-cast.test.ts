import { describe, expect, test } from 'vitest'
import type { Terminal } from '../terminal/terminal.ts'
import { type CastReplay, replayCast } from './replay-cast.ts'

const HEADER = '{"version": 3, "term": {"cols": 80, "rows": 24}, "idle_time_limit": 2}\n'
const EVENTS = [
  '[0.5, "o", "a\\u001b]52;c;eA==\\u0007"]',
  '[10, "m", "a rule"]',
  '[0.25, "o", "b"]',
  '[0, "i", "typed"]',
  '[0, "x", "3"]',
]
const FILE = `${HEADER}${EVENTS.join('\n')}\n`

async function replay(text: string, options: Partial<CastReplay> = {}) {
  const log: (string | number)[] = []
  const terminal: Terminal = {
    out: (words) => void log.push(words),
    err: () => {},
    flushed: async () => {},
    style: (_style, words) => words,
    watched: true,
    shown: true,
    outBytes: () => {},
  }
  const replayed = await replayCast(terminal, {
    chunks: pieces(text),
    speed: 1,
    idleMsMax: undefined,
    fromMs: 0,
    mayBeEmpty: false,
    wait: async (ms) => void log.push(ms),
    stopped: () => false,
    ...options,
  })
  return { log, replayed }
}

async function* pieces(text: string): AsyncGenerator<Uint8Array, void> {
  for (const byte of Buffer.from(text)) yield new Uint8Array([byte])
}

describe('replayCast()', () => {
  test.each<[string, Partial<CastReplay>, readonly (string | number)[]]>([
    ['at its pace, with the pauses that the file allows', {}, [500, 'a', 2_000, 250, 'b']],
    ['quickly', { speed: 2 }, [250, 'a', 1_000, 125, 'b']],
    ['with other pauses', { idleMsMax: 100 }, [100, 'a', 100, 100, 'b']],
    ['with all pauses', { idleMsMax: 60_000 }, [500, 'a', 10_000, 250, 'b']],
    ['from the middle', { fromMs: 10_000 }, ['a', 500, 250, 'b']],
  ])('writes output %s', async (_what, options, want) => {
    expect((await replay(FILE, options)).log).toEqual(want)
  })

  test('tells markers, the exit code, and what it left out', async () => {
    expect((await replay(FILE)).replayed).toMatchObject({
      markers: [{ atUs: 10_500_000, text: 'a rule' }],
      moreMarkers: 0,
      exitCode: '3',
      removed: 1,
    })
  })

  test('keeps no more than two hundred markers', async () => {
    const many = `${HEADER}${'[0, "m", ""]\n'.repeat(205)}`
    const { markers, moreMarkers } = (await replay(many)).replayed
    expect([markers.length, moreMarkers]).toEqual([200, 5])
  })

  test('ends where it is told', async () => {
    let shown = 0
    const stopped = () => shown > 0
    const wait = async () => {
      shown += 1
    }
    expect((await replay(FILE, { stopped, wait })).log).toEqual(['a'])
  })

  test('takes nothing for a live session that has written nothing yet', async () => {
    const { log, replayed } = await replay('', { mayBeEmpty: true })
    expect([log, replayed.header]).toEqual([[], undefined])
  })

  test('refuses a bad file, after what was good in it', async () => {
    await expect(replay(`${HEADER}[0, "o"]\n`)).rejects.toThrow('Line 2: want an event')
    await expect(replay('')).rejects.toThrow('Line 1: the file is empty')
  })
})
