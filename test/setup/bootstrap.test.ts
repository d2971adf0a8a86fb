import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.mjs')

/** Stands for npm: notes that it came and went, and leaves a runtime and the one package it tries. */
const FAKE_NPM = `#!/bin/sh
echo "$1 in" >> npm.log
sleep 0.3
mkdir -p node_modules/.bin node_modules/better-sqlite3
ln -sf "${process.execPath}" node_modules/.bin/node
echo 'module.exports = class { close() {} }' > node_modules/better-sqlite3/index.js
echo "$1 out" >> npm.log
`
const ONE_INSTALLATION = 'install in\ninstall out\nrebuild in\nrebuild out\n'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanyard-bootstrap-'))
  mkdirSync(join(root, 'test', 'setup'), { recursive: true })
  mkdirSync(join(root, 'fake'))
  cpSync(BOOTSTRAP, join(root, 'test', 'setup', 'bootstrap.mjs'))
  writeFileSync(join(root, 'package-lock.json'), '{}')
  writeFileSync(join(root, 'fake', 'npm'), FAKE_NPM)
  chmodSync(join(root, 'fake', 'npm'), 0o755)
  writeFileSync(join(root, 'print.mjs'), 'console.log(process.argv.slice(2).join())\n')
})

afterEach(() => rmSync(root, { recursive: true }))

function start(...args: readonly string[]): ChildProcess {
  const env = { ...process.env, PATH: `${join(root, 'fake')}:${process.env['PATH'] ?? ''}` }
  const bootstrap = join(root, 'test', 'setup', 'bootstrap.mjs')
  return spawn(process.execPath, [bootstrap, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ended(child: ChildProcess): Promise<{ code: number; stdout: string }> {
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += String(chunk)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout }
}

const npmLog = () => readFileSync(join(root, 'npm.log'), 'utf8')

describe('bootstrap', () => {
  test('installs once, then hands over with all arguments', async () => {
    expect(await ended(start('print.mjs', 'a', '--b'))).toEqual({ code: 0, stdout: 'a,--b\n' })
    expect((await ended(start('print.mjs'))).code).toBe(0)
    expect(npmLog()).toBe(ONE_INSTALLATION)
  })

  test('installs once though three commands begin at the same time', async () => {
    const all = await Promise.all([1, 2, 3].map((id) => ended(start('print.mjs', String(id)))))
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(npmLog()).toBe(ONE_INSTALLATION)
    expect(existsSync(join(root, 'node_modules', '.lanyard-installing'))).toBe(false)
  })

  test('takes over, once, from an installation that was killed', async () => {
    const dead = spawn('true')
    await once(dead, 'exit')
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(String(dead.pid), join(root, 'node_modules', '.lanyard-installing'))
    const all = await Promise.all([1, 2].map((id) => ended(start('print.mjs', String(id)))))
    expect(all.map(({ code }) => code)).toEqual([0, 0])
    expect(npmLog()).toBe(ONE_INSTALLATION)
  })

  test('says what failed, with its exit code, and lets the next one try', async () => {
    writeFileSync(join(root, 'fake', 'npm'), '#!/bin/sh\nexit 7\n')
    expect((await ended(start('print.mjs'))).code).toBe(7)
    expect(existsSync(join(root, 'node_modules', '.lanyard-installing'))).toBe(false)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on and waits', async (signal) => {
    writeFileSync(
      join(root, 'cleans-up.mjs'),
      `process.on('${signal}', () => setTimeout(() => { console.log('cleaned'); process.exit(9) }, 200))
       setInterval(() => {}, 1_000)
       console.log('ready')`,
    )
    await ended(start())
    const child = start('cleans-up.mjs')
    const end = ended(child)
    await once(child.stdout ?? child, 'data')
    child.kill(signal)
    expect(await end).toEqual({ code: 9, stdout: 'ready\ncleaned\n' })
  })

  test('ends as a shell would when the signal ended its script', async () => {
    writeFileSync(join(root, 'waits.mjs'), "console.log('ready')\nsetInterval(() => {}, 1_000)\n")
    await ended(start())
    const child = start('waits.mjs')
    const end = ended(child)
    await once(child.stdout ?? child, 'data')
    child.kill('SIGTERM')
    expect(await end).toEqual({ code: 143, stdout: 'ready\n' })
  })
})
