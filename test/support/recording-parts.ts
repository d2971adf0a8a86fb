import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NewRecording, StoredChunk } from '../../control-plane/store/recording-store.ts'
import type { ChunkFrame } from '../../control-plane/store/recordings/chunk-frame.ts'
import { RecordingChanges } from '../../control-plane/store/recordings/recording-changes.ts'
import { RecordingCommits } from '../../control-plane/store/recordings/recording-commits.ts'
import { RecordingRows } from '../../control-plane/store/recordings/recording-rows.ts'
import { createCommitQueue } from '../../control-plane/store/sqlite/commit-queue.ts'
import { openDatabase } from '../../control-plane/store/sqlite/database.ts'
import { AGENT, NOON_MS } from './record-builders.ts'

export const RECORDING_ID = '01M7Q5CQKV0123456789000001'
export const OTHER_RECORDING_ID = '01M7Q5CQKV0123456789000002'

/** A recording of the agent's pod. */
export function aNewRecording(parts: Partial<NewRecording> = {}): NewRecording {
  const { podUid, namespace, name: pod } = AGENT
  return {
    ...{ id: RECORDING_ID, decisionSequence: 1, podUid, namespace, pod, rootRequester: 'alice' },
    ...{ protocol: 'v5.channel.k8s.io', level: 'output', beganAtMs: NOON_MS },
    ...parts,
  }
}

/** A chunk whose bytes are its text. */
export function aStoredChunk(number: number, text = `chunk ${number}`): StoredChunk {
  return { number, lastUs: number, bytes: Buffer.from(text) }
}

/** A chunk of a recording, as it stands in a file. */
export function aFrame(number: number, text?: string, id = RECORDING_ID): ChunkFrame {
  return { ...aStoredChunk(number, text), id }
}

/** A folder of its own, and what the stores of recordings are made of, on an empty database in memory. */
export async function openRecordingParts() {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-recordings-'))
  const database = await openDatabase(':memory:')
  const queue = createCommitQueue(database)
  const rows = new RecordingRows(database.sqlite)
  const changes = new RecordingChanges(rows.revision())
  const commits = new RecordingCommits(queue, rows, changes)
  return {
    ...{ folder, database, queue, rows, changes, commits },
    async close() {
      await queue.commit(() => {})
      database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type RecordingParts = Awaited<ReturnType<typeof openRecordingParts>>
