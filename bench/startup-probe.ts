import { readdir, readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { localAddress } from './local-address.ts'

/*
 * Watches pods come up, from the node, as a process of its own that is there before they are:
 * startup-probe.ts KUBEPODS_CGROUP WORDS PORT PATH
 * Writes "watching", and then for each new pod a line with the milliseconds from the start of the
 * program whose command line contains WORDS to the first 200 of http://POD:PORT/PATH. Ends with its
 * standard input.
 */

const EVERY_MS = 2

async function main(kubepods: string, words: string, port: number, path: string): Promise<never> {
  const known = new Set(await podFolders(kubepods))
  process.stdout.write('watching\n')
  for (;;) {
    const folder = await poll(async () =>
      (await podFolders(kubepods)).find((name) => !known.has(name)),
    )
    known.add(folder)
    const pid = await poll(() => findProgram(folder, words))
    const began = performance.now()
    const address = localAddress(await readFile(`/proc/${pid}/net/fib_trie`, 'utf8'))
    await poll(async () => ((await isReady(address, port, path)) ? true : undefined))
    process.stdout.write(`${performance.now() - began}\n`)
  }
}

async function poll<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

async function podFolders(kubepods: string): Promise<readonly string[]> {
  const folders = ['', 'burstable', 'besteffort'].map((qos) => join(kubepods, qos))
  const lists = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(folder).catch(() => [])
      return entries.filter((name) => name.startsWith('pod')).map((name) => join(folder, name))
    }),
  )
  return lists.flat()
}

/** The process of one of the pod's containers that runs the program, and no longer the runtime. */
async function findProgram(folder: string, words: string): Promise<string | undefined> {
  for (const container of await readdir(folder, { withFileTypes: true })) {
    if (!container.isDirectory()) continue
    const pids = await read(join(folder, container.name, 'cgroup.procs'))
    for (const pid of pids.split('\n').filter((line) => line !== '')) {
      if ((await read(`/proc/${pid}/cmdline`)).includes(words)) return pid
    }
  }
  return undefined
}

function isReady(host: string, port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = get({ host, port, path, agent: false, timeout: 1_000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    call.once('timeout', () => call.destroy())
    // Nobody listens yet.
    call.once('error', () => resolve(false))
  })
}

/** Containers and processes come and go meanwhile: what is gone reads as empty. */
function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

process.stdin.resume().once('end', () => process.exit(0))
const [kubepods = '', words = '', port = '', path = ''] = process.argv.slice(2)
await main(kubepods, words, Number(port), path)
