import { describe, expect, test } from 'vitest'
import { rawOutput } from './raw-recording.ts'

async function read(text: string): Promise<string> {
  async function* pieces() {
    for (const byte of Buffer.from(text)) yield new Uint8Array([byte])
  }
  const parts: Buffer[] = []
  for await (const bytes of rawOutput(pieces())) parts.push(bytes)
  return Buffer.concat(parts).toString('hex')
}

describe('rawOutput()', () => {
  test('yields the bytes of output and error output, and nothing else', async () => {
    const lines = [
      { version: 1, session: { spec: { kind: 'output' } } },
      { atUs: 1, kind: 'output', bytes: 'AP8=' },
      { atUs: 2, kind: 'input', bytes: 'AQ==' },
      { atUs: 3, kind: 'error_output', bytes: 'Gw==' },
      { atUs: 4, kind: 'file', bytes: 3, name: 'x' },
      { ending: 'finished', reason: '' },
    ]
    expect(await read(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))).toBe('00ff1b')
  })

  test.each([
    ['half a line', '{"version":1'],
    ['text', 'hello\n'],
    ['output without bytes', '{"kind":"output"}\n'],
    ['output with a number', '{"kind":"output","bytes":5}\n'],
  ])('refuses %s', async (_what, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'upstream_failed' })
  })
})
