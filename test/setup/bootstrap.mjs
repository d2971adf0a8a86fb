// The one file that runs on whatever Node started npm, before any package is installed. It
// installs the packages of package-lock.json once, with the runtime that they pin, and then hands
// over to that runtime: node test/setup/bootstrap.mjs SCRIPT [ARG ...]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const bin = join(root, 'node_modules', '.bin')
const stamp = join(root, 'node_modules', '.lanyard-installed')
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')

if (!isInstalled()) install()
const [script, ...args] = process.argv.slice(2)
if (script === undefined) process.exit(0)
process.exit(run(join(bin, 'node'), [script, ...args]))

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(join(bin, 'node'))
}

function install() {
  const began = Date.now()
  process.stderr.write('Installing npm packages (about half a minute) ...\n')
  rmSync(stamp, { force: true })
  // Install scripts stay off: better-sqlite3 ships what its script would build. Not `npm ci`: it
  // refuses the lock file on registries that lack the binaries of platforms nobody runs this on.
  const quiet = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  must('npm', ['install', ...quiet])
  // The package `node` fetches the binary of this platform in its script, which is all it does.
  must('npm', ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'])
  must(join(bin, 'node'), ['-e', "new (require('better-sqlite3'))(':memory:').close()"])
  writeFileSync(stamp, lock)
  process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s\n`)
}

function must(command, commandArgs) {
  const status = run(command, commandArgs)
  if (status === 0) return
  process.stderr.write(
    `Cannot install: "${command} ${commandArgs.join(' ')}" ended with ${status}\n`,
  )
  process.exit(1)
}

function run(command, commandArgs) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` }
  const result = spawnSync(command, commandArgs, { cwd: root, env, stdio: 'inherit' })
  if (result.error !== undefined) process.stderr.write(`${result.error.message}\n`)
  return result.status ?? 1
}
