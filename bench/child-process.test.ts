import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { waitFor } from '../test/cluster/control.ts'
import { startProgram } from './child-process.ts'

test('startProgram() ends with the process that started it, even when that is killed', async () => {
  const program = `
    import { startProgram } from ${JSON.stringify(join(import.meta.dirname, 'child-process.ts'))}
    import { readFileSync } from 'node:fs'
    startProgram(['sleep', '60'])
    console.log(readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8'))
    setInterval(() => {}, 1_000)`
  const args = ['--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pid] = String((await once(child.stdout, 'data'))[0])
    .trim()
    .split(' ')
  expect(existsSync(`/proc/${pid}`)).toBe(true)
  child.kill('SIGKILL')
  await waitFor('the end of the program', 5_000, () => !existsSync(`/proc/${pid}`))
})

test('startProgram() stops what runs, and says what ended by itself has said', async () => {
  const sleeping = startProgram(['sleep', '60'])
  expect(() => sleeping.check()).not.toThrow()
  await sleeping.stop()
  expect(() => sleeping.check()).toThrow(/ended by itself/)
  const failing = startProgram(['sh', '-c', 'echo no port; exit 1'])
  await waitFor('its end', 5_000, () => endsWith(() => failing.check(), 'no port'))
})

function endsWith(check: () => void, words: string): boolean {
  try {
    check()
    return false
  } catch (error) {
    return String(error).includes(words)
  }
}
