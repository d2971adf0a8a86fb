import { describe, expect, test } from 'vitest'
import { CastConverter } from './cast-converter.ts'

const THREE =
  '{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"},"title":"x"}\n[0.500000, "o", "a"]\n[0.000000, "e", ""]\n[0.250000, "o", "b"]\n[1.000000, "x", "3"]\n'
const TWO =
  '{"version":2,"width":80,"height":24,"title":"x","env":{"TERM":"xterm"}}\n[0.500000, "o", "a"]\n[0.750000, "o", "b"]\n[1.750000, "m", "exit 3"]\n'

function convert(version: 2 | 3, text: string): string {
  const converter = new CastConverter(version)
  const pieces = Array.from(Buffer.from(text), (byte) => new Uint8Array([byte]))
  return pieces.map((piece) => converter.push(piece)).join('') + converter.end()
}

describe('CastConverter', () => {
  test.each([
    ['version 3 to 2', 2, THREE, TWO],
    ['version 3 to 3', 3, THREE, THREE],
    ['version 2 to 2', 2, TWO, TWO],
    ['comments away', 3, THREE.replace('\n', '\n# c\n'), THREE],
  ] as const)('turns %s', (_what, version, from, want) => {
    expect(convert(version, from)).toBe(want)
  })

  test('turns version 2 to 3, with the type of the terminal', () => {
    const [head, ...events] = convert(3, TWO).split('\n')
    expect(JSON.parse(head ?? '')).toMatchObject({ version: 3, term: { type: 'xterm' } })
    expect(events).toEqual([
      '[0.500000, "o", "a"]',
      '[0.250000, "o", "b"]',
      '[1.000000, "m", "exit 3"]',
      '',
    ])
  })

  test('refuses a file without a header', () => {
    expect(() => convert(3, '')).toThrow('the file is empty')
  })
})
