import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const LIFECYCLE = JSON.stringify(join(import.meta.dirname, 'lifecycle.ts'))
const LOGGER = JSON.stringify(join(import.meta.dirname, 'logger.ts'))

/** A process of its own that runs `start`, the body of the function that runProcess calls. */
function run(start: string): {
  child: ChildProcess
  ended: Promise<{ code: number; text: string }>
} {
  const program = `
import { runProcess } from ${LIFECYCLE}
import { createLogger } from ${LOGGER}
const closer = (name) => ({ name, close: async () => void process.stdout.write('closed ' + name + '\\n') })
setInterval(() => {}, 1000)
runProcess(createLogger({ name: 'x', level: 'info' }, process.stdout), async () => { ${start} })
`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
    // Signals are sent when the program says so.
    for (const [, name] of part.matchAll(/send (SIG[A-Z]+)/g)) child.kill(name as NodeJS.Signals)
  })
  const ended = new Promise<{ code: number; text: string }>((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? -1, text }))
  })
  return { child, ended }
}

test.each(['SIGTERM', 'SIGINT'])('runProcess() closes in order at %s and exits 0', async (name) => {
  const start = `setTimeout(() => process.stdout.write('send ${name}\\n'), 50)
    return [closer('first'), closer('second')]`
  const { code, text } = await run(start).ended
  expect(code).toBe(0)
  expect(text).toMatch(/closed first\n(?:.*\n)*closed second\n/)
})

test('runProcess() ends at a signal that comes before the start is done', async () => {
  const { code } = await run(`process.stdout.write('send SIGTERM\\n'); await new Promise(() => {})`)
    .ended
  expect(code).toBe(0)
})

test.each([
  ['a start that fails', `throw new Error('no port')`],
  ['an error that nobody catches', `setTimeout(() => { throw new Error('late') }, 10); return []`],
  ['a promise that nobody catches', `void Promise.reject(new Error('lost')); return []`],
])('runProcess() exits 1 after %s, and says why', async (_name, start) => {
  const { code, text } = await run(start).ended
  expect(code).toBe(1)
  expect(text).toMatch(/"level":"error".*(?:no port|late|lost)/)
})
