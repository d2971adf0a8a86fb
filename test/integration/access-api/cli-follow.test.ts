import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKubernetesClient } from '../../../api/client/kubernetes-client.ts'
import { loadKubeconfig, toClusterAccess } from '../../../cli/program/kubeconfig.ts'
import { failureStatus } from '../../../core/kubernetes/status.ts'
import { buildPlugin } from '../../../deploy/plugin/build-plugin.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type BreakableProxy,
  endsAtOnce,
  refuses,
  startBreakableProxy,
} from '../../support/breakable-proxy.ts'
import { aRequest } from '../../support/policy-builders.ts'
import { AGENT, aDecision, aDecisionId, anOutcome } from '../../support/record-builders.ts'
import { recordSamples } from '../../support/sample-records.ts'

/** Longest that a test waits for a line; a pause before a watch is begun again lies within it. */
const SOON = { timeout: 15_000 }

let folder: string
let plugin: string
let api: AccessApiFixture
let proxy: BreakableProxy
let running: Follower[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-follow-'))
  plugin = join(folder, 'kubectl-lanyard')
  await buildPlugin(plugin)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

beforeEach(async () => {
  api = await startAccessApi()
  await recordSamples(api)
  proxy = await startBreakableProxy(api)
  running = []
})

afterEach(async () => {
  for (const follower of running) follower.end()
  await proxy.close()
  await api.close()
})

interface Follower {
  lines(): readonly string[]
  errors(): string
  readonly exitCode: Promise<number | null>
  end(): void
}

/** `audit -f` with more arguments, through the proxy; its watch has begun. */
async function follow(...args: readonly string[]): Promise<Follower> {
  const command = ['audit', '-f', '-n', 'team', '--server', proxy.url, ...args]
  const child = execFile(plugin, command, { env: { PATH: process.env['PATH'], HOME: folder } })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk: string) => {
    stderr += chunk
  })
  const follower = {
    lines: () => stdout.split('\n').filter((line) => line !== ''),
    errors: () => stderr,
    exitCode: new Promise<number | null>((resolve) => child.once('exit', resolve)),
    end: () => void child.kill('SIGKILL'),
  }
  running.push(follower)
  await expect.poll(() => proxy.watches.length, SOON).toBe(1)
  return follower
}

/** Ids of decisions in the order of the lines, of JSON and of a table. */
function idsOf(follower: Follower): readonly string[] {
  return follower.lines().flatMap((line) => /01m83x[0-9a-hjkmnp-tv-z]{20}/.exec(line)?.[0] ?? [])
}

function ids(...numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => aDecisionId(number).toLowerCase())
}

async function decide(number: number, parts: Parameters<typeof aDecision>[1] = {}): Promise<void> {
  await api.auditEvents.append(aDecision(number, parts))
  await api.auditEvents.complete(AGENT.podUid, aDecisionId(number), anOutcome(number))
}

describe('followAuditEvents() goes on, with no line lost or doubled,', () => {
  /** Shows 8, then 40; is broken; 41 comes meanwhile and 42 afterwards. */
  async function survives(how: () => void, errors: RegExp): Promise<void> {
    const follower = await follow('--limit', '1')
    await decide(40)
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(8, 40))
    how()
    await decide(41)
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(8, 40, 41))
    await decide(42)
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(8, 40, 41, 42))
    expect(follower.errors()).toMatch(errors)
  }

  test('when the connection is reset', () => survives(() => proxy.cut(), /reset.*\nTrying again/))

  test('when the API is away for a while', () =>
    survives(() => {
      proxy.replies.push(refuses(503), refuses(503))
      proxy.cut()
    }, /does not answer \(not now\).*\nTrying again.*\n.*not now/))

  test('when a watch tells of a failure', () =>
    survives(() => {
      const object = failureStatus(500, 'InternalError', 'the log cannot be read')
      proxy.replies.push(endsAtOnce({ type: 'ERROR', object }))
      proxy.cut()
    }, /the log cannot be read\nTrying again/))

  test('when something that is no JSON comes', () =>
    survives(() => {
      proxy.replies.push((outgoing) => void outgoing.end('<html>\n'))
      proxy.cut()
    }, /is not JSON\nTrying again/))

  test('when a watch is expired, and the list that is to take its place fails first', () =>
    survives(() => {
      proxy.replies.push(refuses(410, 'too old'), refuses(503))
      proxy.cut()
    }, /too old\nTrying again/))
})

test('followAuditEvents() takes up the log of a restored backup where it was left', async () => {
  const follower = await follow('--limit', '1', '-o', 'json')
  for (const number of [40, 41, 42]) await decide(number)
  await expect.poll(() => idsOf(follower).at(-1), SOON).toBe(ids(42)[0])
  const before = follower.lines().length

  const restored = await startAccessApi()
  await recordSamples(restored)
  // One that was shown already, and one that came while nobody watched.
  await restored.auditEvents.append(aDecision(42))
  await restored.auditEvents.append(aDecision(43))
  proxy.lead(restored)
  proxy.cut()
  await expect.poll(() => follower.errors(), SOON).toContain('Trying again')
  await expect.poll(() => idsOf(follower).slice(before), SOON).toEqual(ids(43))
  await restored.auditEvents.append(aDecision(44))
  await expect.poll(() => idsOf(follower).slice(before), SOON).toEqual(ids(43, 44))
  await restored.close()
})

test('followAuditEvents() pauses before it begins a watch again that ends immediately', async () => {
  const follower = await follow('--limit', '1')
  proxy.replies.push(endsAtOnce(), endsAtOnce())
  proxy.cut()
  await expect.poll(() => proxy.watches.length, SOON).toBe(4)
  const times = proxy.watches.slice(1).map(({ atMs }) => atMs)
  const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
  expect(Math.min(...pauses)).toBeGreaterThan(900)
  await decide(40)
  await expect.poll(() => idsOf(follower), SOON).toEqual(ids(8, 40))
})

test('followAuditEvents() ends when the user may not watch any more', async () => {
  const follower = await follow('--limit', '1')
  proxy.replies.push(refuses(403, 'auditevents is forbidden'))
  proxy.cut()
  expect(await follower.exitCode).toBe(1)
  expect(follower.errors()).toContain('error: auditevents is forbidden')
})

describe('runAudit() --follow as a table', () => {
  test('shows one line for a decision and its outcome, and an open one after a moment', async () => {
    const follower = await follow('--limit', '2', '--utc')
    await decide(40)
    await api.auditEvents.append(aDecision(41))
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(6, 8, 40, 41))
    await api.auditEvents.complete(AGENT.podUid, aDecisionId(41), anOutcome(41))
    await decide(42)
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(6, 8, 40, 41, 42))
    expect(follower.lines()[0]).toMatch(/^TIME +EFFECT +VERB +RESOURCE +TARGET +POD/)
    expect(follower.lines().slice(3).map(statusOf)).toEqual(['200', 'open', '200'])
    expect(follower.errors()).toBe(
      'These are the newest 2 decisions: --limit 0 shows older ones, too.\n',
    )
  })

  test.each([
    ['in one namespace', []],
    ['in all', ['-A']],
  ])('has columns that lines fit into, %s', async (_where, args) => {
    const follower = await follow('--pod', 'nobody', '--utc', ...args)
    await decide(40, { caller: { ...AGENT, name: 'nobody' } })
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(40))
    const [header = '', line = ''] = follower.lines()
    expect(line.indexOf('pods')).toBe(header.indexOf('RESOURCE'))
    expect(line.indexOf('team/*')).toBe(header.indexOf('TARGET'))
    expect(line.indexOf('nobody')).toBe(header.indexOf('POD'))
    expect(line.indexOf(ids(40)[0] ?? '')).toBe(header.indexOf('DECISION'))
  })

  test('filters by a resource as it is listed', async () => {
    const follower = await follow('--resource', 'pods/exec')
    const exec = aRequest({ verb: 'create', resource: 'pods', subresource: 'exec', name: 'x' })
    await decide(40)
    await decide(41, { attributes: exec })
    await expect.poll(() => idsOf(follower), SOON).toEqual(ids(41))
    expect(proxy.watches[0]?.query.get('fieldSelector')).toBe('spec.resource=pods')
  })
})

function statusOf(line: string): string | undefined {
  return line.split(/ {3,}/).at(-2)
}

test('watch() ends when the connection falls silent', async () => {
  const config = loadKubeconfig({ server: proxy.url, env: { HOME: folder } })
  const client = createKubernetesClient(toClusterAccess(config), {
    timeoutMs: 30_000,
    watchIdleMs: 300,
    userAgent: 'test',
  })
  const watch = client.watch('/apis/access.lanyard.dev/v1alpha1/auditevents', {
    resourceVersion: '15',
  })
  const next = watch.next()
  await expect.poll(() => proxy.watches.length, SOON).toBe(1)
  await expect(next).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: expect.stringContaining('nothing answered in time'),
  })
})
