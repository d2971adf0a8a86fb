import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LiveRecordings } from '../../../control-plane/services/live-recordings.ts'
import type { Store } from '../../../control-plane/store/store.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import type { SessionEvent } from '../../../core/recording/session-event.ts'
import { SessionChunkSchema } from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventToMessage } from '../../../proto/session-event-message.ts'
import {
  type AccessApiFixture,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { aRequest } from '../../support/policy-builders.ts'
import {
  AGENT,
  aDecision,
  aDecisionId,
  anEnrolledBinding,
  NOON_MS,
} from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

const ENDED = aDecisionId(1).toLowerCase()
const LIVE = aDecisionId(2).toLowerCase()
const exec = {
  ...{ command: ['psql', '-c', 'select 1'], stdin: true, stdout: true, stderr: true, tty: true },
  ...{ container: 'app', env: [] },
}

let api: AccessApiFixture
let cluster: AggregatingCluster
let store: Store
let live: LiveRecordings
let folder: string
let close: () => Promise<void>

beforeAll(async () => {
  const stores = await sqliteStores()
  live = new LiveRecordings()
  const authorize = async ({ username }: { readonly username: string }) => username === 'alice'
  api = await startAccessApi({ live, authorize }, stores)
  store = stores.store as Store
  cluster = await startAggregatingCluster(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-sessions-'))
  for (const user of ['alice', 'bob']) await writeFile(join(folder, user), cluster.kubeconfig(user))
  close = async () => {
    await cluster.close()
    await api.close()
    await stores.close()
    await rm(folder, { recursive: true, force: true })
  }
  await begin(1)
  await record(1, 1, [
    { kind: 'resize', atUs: 0, columns: 100, rows: 30 },
    { kind: 'output', atUs: 1_000, bytes: Uint8Array.of(0xff, 0x41) },
    { kind: 'output', atUs: 2_000, bytes: Buffer.from('\x1b]52;c;x\x07pass\x1b[1mword\r\n') },
    { kind: 'error_output', atUs: 3_000, bytes: Buffer.from('oops\r\n') },
    { kind: 'exit', atUs: 4_000, code: 3, status: '' },
  ])
  const end = { ending: 'finished', reason: '', endedAtMs: NOON_MS + 5_000 } as const
  await store.recordings.end(aDecisionId(1), end)
  await begin(2)
})
afterAll(() => close())

async function begin(number: number): Promise<void> {
  const attributes = aRequest({ verb: 'create', subresource: 'exec', name: 'web', exec })
  const obligations = { ...NO_OBLIGATIONS, record: 'output' as const }
  await api.auditEvents.append(aDecision(number, { attributes, obligations }))
  await store.recordings.begin({
    ...{ id: aDecisionId(number), decisionSequence: number, podUid: AGENT.podUid },
    ...{ namespace: 'team', pod: `agent-${number}`, rootRequester: 'alice', level: 'output' },
    ...{ protocol: 'v5.channel.k8s.io', beganAtMs: NOON_MS + number * 1_000 },
  })
}

async function record(id: number, number: number, events: readonly SessionEvent[]): Promise<void> {
  const messages = events.map(sessionEventToMessage)
  const message = create(SessionChunkSchema, { number: BigInt(number), events: messages })
  const bytes = toBinary(SessionChunkSchema, message)
  const lastUs = events.at(-1)?.atUs ?? 0
  await store.recordings.append(aDecisionId(id), { number, lastUs, bytes })
}

function run(line: readonly string[], user = 'alice', isTTY = false): Promise<CliRun> {
  const env = { KUBECONFIG: join(folder, user) }
  return runInMemory(line, { env, isTTY, nowMs: NOON_MS + 60_000 })
}

const names = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => line.split('/')[1])

describe('sessions', () => {
  test.each<[string, readonly string[], readonly (string | undefined)[]]>([
    ['all of a namespace', [], [ENDED, LIVE]],
    ['of a pod', ['--pod', 'agent-2'], [LIVE]],
    ['of a root requester', ['--root', 'alice'], [ENDED, LIVE]],
    ['of nobody', ['--root', 'mallory'], [undefined]],
    ['live ones', ['--live'], [LIVE]],
    ['since a time', ['--since', '58s'], [LIVE]],
    ['of another namespace', ['-n', 'other'], [undefined]],
    ['everywhere', ['-A', '-n', 'other'], [ENDED, LIVE]],
  ])('lists %s', async (_what, options, want) => {
    const { stdout, exitCode } = await run(['sessions', '-n', 'team', ...options, '-o', 'name'])
    expect([exitCode, ...names(stdout)]).toEqual([0, ...want])
  })

  test('writes tables, JSON and YAML, and says when there is none', async () => {
    const { stdout } = await run(['sessions', '-A'])
    const [head, first] = stdout.split('\n')
    expect(head).toMatch(/^NAMESPACE +NAME +KIND +TARGET +POD +ROOT REQUESTER +STATUS/)
    expect(first).toMatch(new RegExp(`^team +${ENDED} +exec +web +agent-1 +alice +finished`))
    const wide = (await run(['sessions', '-A', '-o', 'wide'])).stdout
    expect(wide).toMatch(/CONTAINER +PROTOCOL +LEVEL/)
    expect(wide).toMatch(/psql -c 'select 1' .* v5\.channel\.k8s\.io +/)
    const json = JSON.parse((await run(['sessions', '-n', 'team', '-o', 'json'])).stdout)
    expect(json).toMatchObject({ kind: 'SessionList', items: [{}, {}] })
    expect((await run(['sessions', '-A', '-o', 'yaml'])).stdout).toMatch(/^kind: SessionList\n/)
    const none = await run(['sessions', '--pod', 'nobody', '-n', 'team'])
    expect(none.stderr).toBe('No recorded sessions found in team namespace.\n')
  })

  test('refuses whoever may not', async () => {
    const refused = await run(['sessions', '-n', 'team'], 'bob')
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringMatching(/forbidden/)])
  })
})

describe('sessions export', () => {
  test('writes asciicast 3 and 2', async () => {
    const three = (await run(['sessions', 'export', ENDED])).stdout.split('\n')
    expect(JSON.parse(three[0] ?? '')).toMatchObject({
      version: 3,
      term: { cols: 100, rows: 30 },
      lanyard: { rootRequester: 'alice', namespace: 'team' },
    })
    expect(three.at(-2)).toBe('[0.001000, "x", "3"]')
    const two = (await run(['sessions', 'export', ENDED.toUpperCase(), '--format', 'v2'])).stdout
    expect(two).toMatch(/^\{"version":2,"width":100/)
    expect(two).toMatch(/\[0\.004000, "m", "exit 3"\]\n$/)
  })

  test('writes the bytes, but not to a terminal', async () => {
    const raw = await run(['sessions', 'export', ENDED, '--format', 'raw'])
    expect(raw.stdout).toBe('\ufffdA\x1b]52;c;x\x07pass\x1b[1mword\r\noops\r\n')
    const shown = await run(['sessions', 'export', ENDED, '--format', 'raw'], 'alice', true)
    expect([shown.exitCode, shown.stdout]).toEqual([1, ''])
  })

  test.each([
    [['sessions', 'export', aDecisionId(77).toLowerCase()], 1, /There is no recorded session/],
    [['sessions', 'export', 'short'], 2, /is (?:not the id|too short|no whole id)/],
    [['sessions', 'export', ENDED, '--format', 'mp4'], 2, /Allowed choices are v3, v2, raw/],
    [['sessions', 'cut', LIVE], 2, /required option '--reason/],
  ])('and the like refuse %j', async (line, exitCode, message) => {
    const refused = await run(line)
    expect([refused.exitCode, refused.stderr]).toEqual([exitCode, expect.stringMatching(message)])
  })
})

describe('replay', () => {
  test('shows a session of the cluster without what is dangerous, and its reader is on record', async () => {
    const { stdout, stderr } = await run(['replay', ENDED])
    expect(stdout).toBe('\ufffdApass\x1b[1mword\r\noops\r\n')
    expect(stderr).toMatch(/exit code 3/)
    const { stdout: json } = await run(['sessions', '-A', '--pod', 'agent-1', '-o', 'json'])
    expect(JSON.parse(json).items[0].status.readers).toMatchObject([{ username: 'alice' }])
  })

  test('shows nothing of a live session that has written nothing, and follows it to its end', async () => {
    await begin(3)
    const id = aDecisionId(3)
    expect(await run(['replay', id])).toMatchObject({ exitCode: 0, stdout: '' })
    const followed = run(['replay', id, '--follow'])
    await record(3, 1, [{ kind: 'output', atUs: 1_000, bytes: Buffer.from('one ') }])
    await record(3, 2, [{ kind: 'output', atUs: 90_000_000, bytes: Buffer.from('two') }])
    const end = { ending: 'cut', reason: 'enough', endedAtMs: NOON_MS } as const
    await store.recordings.end(id, end)
    expect(await followed).toMatchObject({ exitCode: 0, stdout: 'one two' })
    expect((await followed).stderr).toMatch(/session ended, cut: enough/)
  })
})

describe('sessions grep', () => {
  test('finds a word that colours divide, in text and JSON', async () => {
    const found = await run(['sessions', 'grep', 'password', '-n', 'team', '--pod', 'agent-1'])
    expect(found.stdout).toBe(`${ENDED}  0:00.0  \ufffdApassword\n`)
    const json = await run(['sessions', 'grep', '-i', 'OOPS', '-A', '-o', 'json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ session: ENDED, stream: 'error output' })
  })

  test('says in how many sessions it found nothing', async () => {
    const { stdout, stderr } = await run(['sessions', 'grep', 'absent', '-A', '--pod', 'agent-1'])
    expect([stdout, stderr]).toEqual(['', 'No line found in 1 sessions.\n'])
  })
})

describe('sessions cut', () => {
  test('ends a live session with the reason, and no other; review marks one', async () => {
    const reasons: string[] = []
    const cut = ({ reason }: { readonly reason: string }) => void reasons.push(reason)
    live.add({ id: aDecisionId(2), binding: anEnrolledBinding([AGENT], 1), cut })
    const done = await run(['sessions', 'cut', LIVE, '--reason', 'wrong cluster'])
    expect([done.exitCode, done.stdout]).toEqual([0, `session ${LIVE} cut\n`])
    expect(reasons).toEqual(['alice ended this session: wrong cluster'])
    const reviewed = await run(['sessions', 'review', ENDED, '-o', 'json'])
    expect(JSON.parse(reviewed.stdout)).toMatchObject({ status: { reviewedBy: 'alice' } })
    const late = await run(['sessions', 'cut', ENDED, '--reason', 'x'])
    expect([late.exitCode, late.stderr]).toEqual([1, expect.stringMatching(/is not live/)])
  })
})
