import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CastVersion } from '../../../core/recording/asciicast.ts'
import { CastReader } from '../../../core/recording/cast-reader.ts'
import { SessionCast } from '../../../core/recording/session-cast.ts'
import type { SessionEvent } from '../../../core/recording/session-event.ts'
import { CACHE } from '../../cluster/paths.ts'
import { ensurePythonPackages } from '../../cluster/python-packages.ts'
import { mustRun } from '../../cluster/run-command.ts'

/* Programs of others read our files: asciinema of PyPI reads version 2, asciinema-scene both. */

const PLAYER = 'asciinema==2.4.0'
const EDITOR = 'asciinema-scene==1.3.0'
const PACKAGES = join(CACHE, 'python', `${PLAYER}-${EDITOR}`.replaceAll('==', '-'))

/** 'h€llo', with the sign split over two events; error output; an exit. */
const EVENTS: readonly SessionEvent[] = [
  { atUs: 0, kind: 'resize', columns: 100, rows: 30 },
  { atUs: 250_000, kind: 'output', bytes: new Uint8Array([0x68, 0xe2, 0x82]) },
  { atUs: 250_001, kind: 'output', bytes: Buffer.from([0xac, ...Buffer.from('llo \x1b[1mx\r\n')]) },
  { atUs: 300_000, kind: 'error_output', bytes: Buffer.from('"oops"\r\n') },
  { atUs: 400_000, kind: 'marker', text: 'a rule' },
  { atUs: 3_500_000, kind: 'exit', code: 3, status: '' },
]
const SHOWN = 'h€llo \x1b[1mx\r\n"oops"\r\n'

let folder: string

beforeAll(async () => {
  await ensurePythonPackages(PACKAGES, [PLAYER, EDITOR])
  folder = await mkdtemp(join(tmpdir(), 'lanyard-cast-'))
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function writeCast(version: CastVersion): Promise<string> {
  const header = { timestamp: 1_700_000_000, command: 'sh', lanyard: { rootRequester: 'alice' } }
  const cast = new SessionCast({ header, terminal: true }, version)
  const lines = EVENTS.map((event) => cast.push(event)).join('') + cast.end('cut', 'by carol')
  const file = join(folder, `v${version}.cast`)
  await writeFile(file, lines)
  return file
}

function runPython(...args: readonly string[]): Promise<string> {
  return mustRun(['/usr/bin/python3', ...args], { env: { PYTHONPATH: PACKAGES } })
}

const play = (file: string) => runPython('-m', 'asciinema', 'cat', file)

/** The editor adds an end of line. */
const convert = (format: 'v2' | 'v3', from: string, to: string) =>
  runPython(join(PACKAGES, 'bin', 'sciine'), 'convert', '-f', format, '-i', from, '-o', to)

describe('SessionCast writes files', () => {
  test('of version 2, which asciinema 2 plays', async () => {
    expect(await play(await writeCast(2))).toBe(SHOWN)
  })

  test('of version 3, which a reader of others takes and turns into version 2', async () => {
    const converted = join(folder, 'converted.cast')
    const file = await writeCast(3)
    await convert('v2', file, converted)
    expect(await play(converted)).toBe(`${SHOWN}\r\n`)
  })
})

test('CastReader reads what a writer of others makes of version 2', async () => {
  const converted = join(folder, 'others.cast')
  const file = await writeCast(2)
  await convert('v3', file, converted)
  const reader = new CastReader()
  const text = await mustRun(['cat', converted])
  const events = [...reader.push(Buffer.from(text)), ...reader.end()]
  const output = events.filter(({ code }) => code === 'o').map((event) => event.text)
  expect(reader.version).toBe(3)
  expect(output.join('')).toBe(`${SHOWN}\r\n`)
})
