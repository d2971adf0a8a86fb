import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runInMemory } from '../../test/support/run-cli.ts'

let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-replay-'))
  file = join(folder, 'session.cast')
  const lines = [
    '{"version": 2, "width": 80, "height": 24}',
    '[0.5, "o", "\\u001b[31mhello\\u001b[6n\\r\\n"]',
    '[3661.25, "m", "cut by carol\\u001b[2J"]',
  ]
  await writeFile(file, lines.join('\n'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('runReplay() writes to a program what is safe, without pauses, and the rest to stderr', async () => {
  expect(await runInMemory(['replay', file])).toEqual({
    exitCode: 0,
    stdout: '\x1b[31mhello\r\n',
    stderr: '1:01:01.2  cut by carol\\x1b[2J\nLeft out control sequences and characters: 1.\n',
  })
})

const RESTORE = '\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x1b)B\x0f\x1b[?25h\x1b[?7h\x1b[4l\n'

test.each([
  ['hello', 'hello', `hello${RESTORE}`],
  ['an editor', '\x1b[?1049hx\x1b[?1049l', `\x1b[?1049hx\x1b[?1049l${RESTORE}`],
  ['an editor that is open', '\x1b[?25;1049hx', `\x1b[?25;1049hx\x1b[?1049l${RESTORE}`],
  ['nothing', '', ''],
])('runReplay() restores the terminal of a person after %s', async (_what, text, want) => {
  const shown = join(folder, 'shown.cast')
  const lines = '{"version": 2, "width": 80, "height": 24}\n'
  await writeFile(shown, `${lines}[0, "o", ${JSON.stringify(text)}]\n`)
  expect((await runInMemory(['replay', shown], { isTTY: true })).stdout).toBe(want)
})

test.each([
  [['replay', 'absent.cast'], 1, /Cannot read absent.cast: ENOENT/],
  [['replay', import.meta.filename], 1, /Line 1: the line is not JSON/],
  [['replay', 'x', '--speed', '0'], 2, /want a number from 0.01 to 1000/],
  [['replay', 'x', '--speed', '1e3'], 2, /want a number from 0.01 to 1000/],
  [['replay', 'x', '--from', 'later'], 2, /is not a duration/],
  [['replay', 'x', '-f'], 1, /--follow wants the id of a session/],
  [['replay'], 2, /missing required argument 'session'/],
])('runReplay() of %j ends with %s', async (args, exitCode, message) => {
  const run = await runInMemory(args)
  expect(run.exitCode).toBe(exitCode)
  expect(run.stderr).toMatch(message)
})
