import { type ChildProcess, spawn } from 'node:child_process'
import { appendFile, mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../../control-plane/store/open-store.ts'
import type { Recording, RecordingStore } from '../../../control-plane/store/recording-store.ts'

/* The process is killed while it records; nothing that it acknowledged is lost. */

/** Of one worker; four of them run at the same time. */
const KILLS = 25
const WORKERS = [1, 2, 3, 4]

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-recordings-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Says each chunk once its write has resolved, as id and number, and each end as id and 0. Small files roll often. */
const RECORDER = `
import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../../control-plane/store/sqlite/database.ts'))}
import { createCommitQueue } from ${JSON.stringify(join(import.meta.dirname, '../../../control-plane/store/sqlite/commit-queue.ts'))}
import { openFileRecordings } from ${JSON.stringify(join(import.meta.dirname, '../../../control-plane/store/recordings/file-recording-store.ts'))}
import { decisionIdIn } from ${JSON.stringify(join(import.meta.dirname, '../../../core/audit/decision-id.ts'))}
const [path, run] = process.argv.slice(1)
const database = await openDatabase(path)
const recordings = await openFileRecordings({
  database, queue: createCommitQueue(database), folder: path + '-recordings', now: Date.now,
  journalBytes: 60000, segmentBytes: 9000, appendImport: async () => false,
})
const begun = { podUid: 'uid', namespace: 'team', pod: 'agent', rootRequester: 'alice', protocol: 'v5', level: 'all' }
let next = Number(run) * 1000
async function record() {
  for (;;) {
    const own = next++
    const id = decisionIdIn('0123456789', 1795000000000, own)
    await recordings.begin({ ...begun, id, decisionSequence: own, beganAtMs: Date.now() })
    const last = own % 7 === 0 ? 1e9 : own % 40
    for (let number = 1; number <= last; number += 1) {
      const bytes = Buffer.alloc((own * 31 + number * 97) % 3000, id + number)
      await recordings.append(id, { number, lastUs: number, bytes })
      process.stdout.write(id + ' ' + number + '\\n')
    }
    await recordings.end(id, { ending: 'finished', reason: '', endedAtMs: Date.now() })
    process.stdout.write(id + ' 0\\n')
  }
}
for (let i = 0; i < 12; i += 1) void record()
`

/** Kills the process so long after its first word; resolves with all that it said. */
async function killedAfter(recorder: ChildProcess, milliseconds: number): Promise<string[]> {
  let told = ''
  recorder.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  const closed = new Promise((resolve) => recorder.once('close', resolve))
  while (told === '' && recorder.exitCode === null) await pause(5)
  await pause(milliseconds)
  recorder.kill('SIGKILL')
  await closed
  return told.split('\n').slice(0, -1)
}

/** The numbers of the chunks that can be read; throws for one that is not what was written. */
async function numbersOf(recordings: RecordingStore, id: string): Promise<number[]> {
  const numbers: number[] = []
  for await (const { number, bytes } of recordings.read(id, 0)) {
    const own = Number.parseInt(id.slice(-6), 32)
    expect(own).not.toBeNaN()
    expect(Buffer.from(bytes).equals(Buffer.alloc(bytes.length, `${id}${number}`))).toBe(true)
    numbers.push(number)
  }
  return numbers
}

/** What of it was acknowledged: the last chunk of each recording, and which had ended. */
function acknowledged(told: readonly string[]) {
  const last = new Map<string, number>()
  const ended = new Set<string>()
  for (const line of told) {
    const [id = '', number = ''] = line.split(' ')
    if (number === '0') ended.add(id)
    last.set(id, Math.max(last.get(id) ?? 0, Number(number)))
  }
  return { last, ended }
}

async function expectKept(recordings: RecordingStore, told: readonly string[]): Promise<void> {
  const { last, ended } = acknowledged(told)
  for (const [id, number] of last) {
    const found: Recording | undefined = await recordings.get(id)
    const numbers = await numbersOf(recordings, id)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(numbers.length).toBeGreaterThanOrEqual(number)
    expect(found).toMatchObject({ chunks: numbers.length })
    expect(['interrupted', 'finished']).toContain(found?.end?.ending)
    expect(ended.has(id) && found?.end?.ending !== 'finished').toBe(false)
  }
}

/** How many chunks were acknowledged in all runs of one worker. */
async function killAgainAndAgain(worker: number): Promise<number> {
  const path = join(folder, `${worker}.db`)
  let acknowledgedChunks = 0
  for (let run = 1; run <= KILLS; run += 1) {
    // By a seed: the moments are spread over what a run does, its recovery of the run before included.
    const milliseconds = (worker * 7_919 + run * 104_729) % 60
    const args = ['--input-type=module', '-e', RECORDER, path, String(run)]
    const recorder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const told = await killedAfter(recorder, milliseconds)
    acknowledgedChunks += told.length
    const store = await openStore(path)
    await expectKept(store.recordings, told)
    expect(await store.recordings.list({ live: true }, 0, 1)).toEqual([])
    await store.close()
  }
  const left = await readdir(`${path}-recordings`)
  expect(left.filter((name) => name.startsWith('journal'))).toEqual([])
  return acknowledgedChunks
}

test('RecordingStore loses nothing that it had acknowledged, killed at 100 moments', {
  timeout: 600_000,
}, async () => {
  const counts = await Promise.all(WORKERS.map(killAgainAndAgain))
  expect(Math.min(...counts)).toBeGreaterThan(KILLS)
})

/** A recording of three chunks whose process has gone without closing. */
async function aTornJournal() {
  const path = join(folder, 'torn.db')
  const source = RECORDER.replace(
    'for (let i = 0; i < 12; i += 1) void record()',
    `
    const id = decisionIdIn('0123456789', 1795000000000, 1)
    await recordings.begin({ ...begun, id, decisionSequence: 1, beganAtMs: 1 })
    for (const number of [1, 2, 3]) await recordings.append(id, { number, lastUs: number, bytes: Buffer.alloc(100, id + number) })
    process.stdout.write(id + ' 3\\n')`,
  )
  const args = ['--input-type=module', '-e', source, path, '0']
  const [line = ''] = await killedAfter(
    spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }),
    0,
  )
  const names = await readdir(`${path}-recordings`)
  const [journal = ''] = names.filter((name) => name.startsWith('journal'))
  return { path, id: line.split(' ')[0] ?? '', journal: join(`${path}-recordings`, journal) }
}

const FRAME = 8 + 26 + 4 + 8 + 100

test.each([
  ['cut in the last chunk', (file: string) => truncate(file, 3 * FRAME - 1), [1, 2]],
  ['cut in the head of a chunk', (file: string) => truncate(file, FRAME + 3), [1]],
  ['empty', (file: string) => truncate(file, 0), []],
  ['followed by zeroes', (file: string) => appendFile(file, Buffer.alloc(4_096)), [1, 2, 3]],
  ['followed by noise', (file: string) => appendFile(file, Buffer.alloc(99, 0xa5)), [1, 2, 3]],
] as const)('openFileRecordings() reads a journal that is %s', async (_name, damage, want) => {
  const { path, id, journal } = await aTornJournal()
  await damage(journal)
  const store = await openStore(path)
  expect(await numbersOf(store.recordings, id)).toEqual(want)
  expect(await store.recordings.get(id)).toMatchObject({
    end: { ending: 'interrupted', reason: 'the control plane ended before the session did' },
  })
  await store.close()
})
