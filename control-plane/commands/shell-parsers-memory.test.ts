import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Of a whole process that reads scripts; the chart gives the control plane 512 MiB. */
const MEBIBYTES_MAX = 220

/** Reads as many scripts as a turn may, several times, and says how much memory the process had at most. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { loadShellParsers } from '${join(import.meta.dirname, 'shell-parsers.ts')}'
const read = await loadShellParsers()
const script = 'for x in a b; do ls -la "$x" | head && cat /etc/os-release; done\\n'
for (let turn = 0; turn < 4; turn += 1) {
  for (let at = 0; at < 100; at += 1) {
    if (typeof read(script.repeat(1 + (at % 20))) === 'string') throw new Error('not understood')
  }
  await setImmediate()
}
// Code that is compiled for speed is compiled beside.
await setTimeout(1_000)
const [, kibibytes] = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))
console.log(Number(kibibytes) / 1024)`

test('the parsers of scripts need a fraction of the memory that the control plane has', async () => {
  const args = ['--max-semi-space-size=64', '--input-type=module', '-e', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(Number(stdout)).toBeGreaterThan(50)
  expect(Number(stdout)).toBeLessThan(MEBIBYTES_MAX)
}, 60_000)
