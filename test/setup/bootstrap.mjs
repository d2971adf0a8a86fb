// The one file that runs on whatever Node started npm, before any package is installed. It
// installs the packages of package-lock.json once, with the runtime that they pin, and then hands
// over to that runtime: node test/setup/bootstrap.mjs SCRIPT [ARG ...]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const modules = join(root, 'node_modules')
const bin = join(modules, '.bin')
const stamp = join(modules, '.lanyard-installed')
/** A link that names the process that installs: made in one step, so it is never there half. */
const claim = join(modules, '.lanyard-installing')
/** An installation takes half a minute; whoever held on for longer was killed, and its id given away. */
const CLAIM_MS_MAX = 10 * 60_000
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')

const [script, ...args] = process.argv.slice(2)
process.exit(await main())

async function main() {
  if (!isInstalled()) {
    await claimInstallation()
    try {
      const status = isInstalled() ? 0 : await install()
      if (status !== 0) return status
    } finally {
      rmSync(claim, { force: true })
    }
  }
  return script === undefined ? 0 : run(join(bin, 'node'), [script, ...args])
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(join(bin, 'node'))
}

/** Waits until no other command installs into the same folder. */
async function claimInstallation() {
  mkdirSync(modules, { recursive: true })
  let told = false
  for (;;) {
    try {
      symlinkSync(String(process.pid), claim)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (hasEnded(claim)) {
      const own = `${claim}-${process.pid}`
      symlinkSync(String(process.pid), own)
      renameSync(own, claim)
      // Another one may have found the same: the last to take over has it, and both look again.
      await sleep(200)
      if (ownerOf(claim) === process.pid) return
    }
    if (!told) process.stderr.write('Waiting for another command that installs npm packages ...\n')
    told = true
    await sleep(200)
  }
}

function hasEnded(link) {
  const owner = ownerOf(link)
  if (owner === undefined) return false
  try {
    process.kill(owner, 0)
  } catch (error) {
    return error.code === 'ESRCH'
  }
  const { mtimeMs } = lstatSync(link, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  return Date.now() - mtimeMs > CLAIM_MS_MAX
}

function ownerOf(link) {
  try {
    return Number(readlinkSync(link))
  } catch {
    // Given back in the meantime: nobody owns it.
    return undefined
  }
}

async function install() {
  const began = Date.now()
  process.stderr.write('Installing npm packages (about half a minute) ...\n')
  rmSync(stamp, { force: true })
  // Install scripts stay off: better-sqlite3 ships what its script would build. Not `npm ci`: it
  // refuses the lock file on registries that lack the binaries of platforms nobody runs this on.
  const quiet = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  const steps = [
    ['npm', ['install', ...quiet]],
    // The package `node` fetches the binary of this platform in its script, which is all it does.
    ['npm', ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error']],
    [join(bin, 'node'), ['-e', "new (require('better-sqlite3'))(':memory:').close()"]],
  ]
  for (const [command, commandArgs] of steps) {
    const status = await run(command, commandArgs)
    if (status === 0) continue
    const line = `${command} ${commandArgs.join(' ')}`
    process.stderr.write(`Cannot install: "${line}" ended with ${status}\n`)
    return status
  }
  writeFileSync(stamp, lock)
  process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s\n`)
  return 0
}

/**
 * Runs a command to its end, which a signal to this process does not shorten: the command gets it
 * too, cleans up, and its exit code is ours, or 128 and the signal's number as in a shell.
 */
function run(command, commandArgs) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` }
  const child = spawn(command, commandArgs, { cwd: root, env, stdio: 'inherit' })
  const forward = (signal) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return new Promise((settle) => {
    child.once('error', (error) => {
      process.stderr.write(`${error.message}\n`)
      settle(1)
    })
    child.once('exit', (code, signal) => settle(code ?? 128 + constants.signals[signal]))
  }).finally(() => {
    for (const signal of signals) process.off(signal, forward)
  })
}
