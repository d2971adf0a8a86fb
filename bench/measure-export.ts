import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPlugin } from '../deploy/plugin/build-plugin.ts'
import type { Log } from '../test/cluster/progress.ts'
import { type Stores, sqliteStores, startAccessApi } from '../test/support/access-api-fixture.ts'
import { startBreakableProxy } from '../test/support/breakable-proxy.ts'
import { aDecision, aDecisionId, NOON_MS } from '../test/support/record-builders.ts'

/** As many decisions as may wait for one commit, less some. */
const BATCH = 4_000
const SAMPLE_MS = 1_000
/** Before it, a process of Node grows whatever it does. */
const WARM_MS = 5_000

/**
 * Exports `count` decisions from a database on disk, and from its last hundredth, with a CLI in a process
 * of its own. Resolves with a table of time and memory.
 */
export async function measureExport(count: number, log: Log): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-bench-export-'))
  const plugin = join(folder, 'kubectl-lanyard')
  await buildPlugin(plugin)
  const stores = await sqliteStores()
  await fill(stores, count, log)
  const api = await startAccessApi({}, stores)
  const proxy = await startBreakableProxy(api)
  try {
    const since = new Date(NOON_MS + Math.floor(count * 0.99) * 1_000).toISOString()
    const rows: string[] = []
    for (const args of [['--since', since], [], ['--format', 'ocsf']]) {
      log(`audit export ${args.join(' ')}`)
      const command = ['audit', 'export', '-n', 'team', '--server', proxy.url, ...args]
      rows.push(await measureOne(plugin, command, folder))
    }
    return `${[HEAD, ...rows].join('\n')}\n`
  } finally {
    await proxy.close()
    await api.close()
    await stores.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const HEAD = [
  '| Command | Said | Seconds | Memory after 5 s | At the end | At most |',
  '|---|---|---|---|---|---|',
].join('\n')

async function fill({ auditEvents }: Stores, count: number, log: Log): Promise<void> {
  for (let first = 1; first <= count; first += BATCH) {
    const numbers = Array.from(
      { length: Math.min(BATCH, count - first + 1) },
      (_, at) => first + at,
    )
    await Promise.all(numbers.map((number) => auditEvents.append(aDecision(number))))
    if (first % 100_000 === 1) log(`${first - 1} decisions on record, up to ${aDecisionId(first)}`)
  }
}

async function measureOne(
  plugin: string,
  command: readonly string[],
  folder: string,
): Promise<string> {
  const out = await open(join(folder, 'export.jsonl'), 'w')
  const startedAt = performance.now()
  const child = spawn(plugin, command, {
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', out.fd, 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const readings: { readonly atMs: number; readonly kibibytes: number }[] = []
  const timer = setInterval(() => {
    residentKibibytes(child.pid ?? 0)
      .then((kibibytes) => readings.push({ atMs: performance.now() - startedAt, kibibytes }))
      // It has just ended.
      .catch(() => undefined)
  }, SAMPLE_MS)
  await once(child, 'exit')
  clearInterval(timer)
  await out.close()
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0)
  const known = readings.filter(({ kibibytes }) => kibibytes > 0)
  const warm = known.find(({ atMs }) => atMs >= WARM_MS) ?? known.at(-1)
  const most = Math.max(0, ...known.map(({ kibibytes }) => kibibytes))
  const memory = [warm?.kibibytes, known.at(-1)?.kibibytes, most].map(
    (kibibytes = 0) => `${Math.round(kibibytes / 1_024)} MiB`,
  )
  const shown = command.filter((word) => !word.startsWith('http') && word !== '--server')
  return `| ${[`\`${shown.join(' ')}\``, said.trim(), seconds, ...memory].join(' | ')} |`
}

async function residentKibibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
}
