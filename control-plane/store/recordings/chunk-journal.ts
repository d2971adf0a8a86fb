import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../../core/assert.ts'
import { type ChunkFrame, decodeFrame, frameHead, framesOf } from './chunk-frame.ts'
import { namesIn, syncFolder } from './recordings-folder.ts'

/** A new file begins beyond this size, so that a file goes when all recordings in it have a segment. */
const FILE_BYTES = 16 * 1_024 * 1_024
/** A file of which nothing is needed is written on up to this size: each session would begin one otherwise. */
const IDLE_BYTES = 1_024 * 1_024
/** Bytes of one write: what more waits comes with the next. */
const WRITE_BYTES = 4 * 1_024 * 1_024
/** Of chunks whose average is below it, a write is made of one copy. */
const COPIED_BYTES = 4_096
const NAME = /^journal-(\d{12})\.log$/

/** Where a chunk stands in the journal. */
export interface JournalPlace {
  readonly file: number
  readonly offset: number
  readonly length: number
  readonly number: number
  readonly lastUs: number
}

interface WaitingFrame {
  readonly head: Buffer
  readonly frame: ChunkFrame
  /** Of both in the file. */
  readonly length: number
  readonly resolve: (place: JournalPlace) => void
  readonly reject: (error: unknown) => void
}

/** One file: how many of its chunks have no segment yet. */
interface JournalFile {
  readonly number: number
  readonly handle: FileHandle
  bytes: number
  held: number
}

/**
 * The newest chunks of all recordings, in the order in which they came: chunks that come while the disk is busy share
 * the next write and its fdatasync.
 */
export class ChunkJournal {
  readonly #folder: string
  readonly #fileBytes: number
  readonly #files = new Map<number, JournalFile>()
  #waiting: WaitingFrame[] = []
  #current: JournalFile | undefined
  #last: number
  #running: Promise<void> | undefined

  private constructor(folder: string, last: number, fileBytes: number) {
    this.#folder = folder
    this.#last = last
    this.#fileBytes = fileBytes
  }

  /** A journal whose files come after those that an earlier process left in the folder. */
  static async open(folder: string, fileBytes = FILE_BYTES): Promise<ChunkJournal> {
    const numbers = (await journalNumbers(folder)).toReversed()
    return new ChunkJournal(folder, numbers[0] ?? 0, fileBytes)
  }

  /** Resolves once the chunk is on disk. Throws what the system says. */
  append(frame: ChunkFrame): Promise<JournalPlace> {
    const { promise, resolve, reject } = Promise.withResolvers<JournalPlace>()
    const head = frameHead(frame)
    const length = head.length + frame.bytes.length
    this.#waiting.push({ head, frame, length, resolve, reject })
    this.#running ??= this.#run()
    return promise
  }

  async #run(): Promise<void> {
    // Whoever comes in this turn shares the write.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#take()
      try {
        const file = await this.#fileWithRoom()
        const places = await writeAll(file, batch)
        batch.forEach(({ resolve }, index) => {
          const place = places[index]
          assert(place !== undefined, 'each frame has a place')
          resolve(place)
        })
      } catch (error) {
        // Converted for each waiter. What was written of them may be torn, so nothing may follow it in this file.
        const torn = this.#current
        this.#current = undefined
        for (const { reject } of batch) reject(error)
        if (torn !== undefined) await this.#removeIfFree(torn).catch(() => undefined)
      }
    }
    // In the same turn as the last look: whoever comes after it begins again.
    this.#running = undefined
  }

  #take(): readonly WaitingFrame[] {
    let bytes = 0
    const more = this.#waiting.findIndex((one) => {
      bytes += one.length
      return bytes > WRITE_BYTES
    })
    return this.#waiting.splice(0, more === -1 ? this.#waiting.length : Math.max(1, more))
  }

  async #fileWithRoom(): Promise<JournalFile> {
    const full = this.#current
    if (full !== undefined && full.bytes < this.#fileBytes) return full
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    this.#last += 1
    const number = this.#last
    const handle = await open(join(this.#folder, nameOf(number)), 'wx+', 0o600)
    const file = { number, handle, bytes: 0, held: 0 }
    this.#files.set(number, file)
    await syncFolder(this.#folder)
    this.#current = file
    if (full !== undefined) await this.#removeIfFree(full)
    return file
  }

  /** A chunk, as it was written. Throws when its file has gone, or what is there is damaged. */
  async read(place: JournalPlace): Promise<ChunkFrame> {
    return checked(await this.#readTogether([place], Buffer.alloc(place.length)))
  }

  /** The frames of chunks, one after the other, in a buffer that is long enough. Throws as `read`. */
  async readFrames(places: readonly JournalPlace[], into: Buffer): Promise<Buffer> {
    let at = 0
    for (const run of runsOf(places)) {
      const bytes = await this.#readTogether(run, into.subarray(at))
      for (const { length } of run) {
        checked(into.subarray(at, at + length))
        at += length
      }
      assert(bytes.length > 0, 'a chunk has a frame')
    }
    return into.subarray(0, at)
  }

  /** Reads chunks that follow each other in one file. */
  async #readTogether(run: readonly JournalPlace[], into: Buffer): Promise<Buffer> {
    const [{ file: number, offset }] = run as [JournalPlace]
    const file = this.#files.get(number)
    if (file === undefined) throw new Error('the chunk is no longer in the journal')
    const length = run.reduce((sum, place) => sum + place.length, 0)
    const { bytesRead } = await file.handle.read(into, 0, length, offset)
    return into.subarray(0, bytesRead)
  }

  /** These chunks have a segment: a file that nobody needs any more goes. */
  async release(places: readonly JournalPlace[]): Promise<void> {
    for (const { file: number } of places) {
      const file = this.#files.get(number)
      if (file === undefined) continue
      file.held -= 1
      await this.#removeIfFree(file)
    }
  }

  async #removeIfFree(file: JournalFile): Promise<void> {
    if (file.held > 0) return
    if (file === this.#current) {
      // While the journal runs, the next chunks may be on their way into it.
      if (this.#running !== undefined || file.bytes < IDLE_BYTES) return
      this.#current = undefined
    }
    if (!this.#files.delete(file.number)) return
    await file.handle.close()
    await rm(join(this.#folder, nameOf(file.number)), { force: true })
  }

  /** Bytes of all files. */
  size(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Waits for what is under way, then closes the files and leaves those that are needed. */
  async close(): Promise<void> {
    await this.#running
    this.#current = undefined
    for (const file of [...this.#files.values()]) {
      if (file.held === 0) await this.#removeIfFree(file)
      else await file.handle.close()
    }
  }
}

/** The chunk of a frame. Throws when it is not whole. */
function checked(bytes: Buffer): ChunkFrame {
  const found = decodeFrame(bytes, 0)
  if (found === undefined) throw new Error('the chunk in the journal is damaged')
  return found.frame
}

/** Chunks that follow each other in one file, together. */
function runsOf(places: readonly JournalPlace[]): readonly (readonly JournalPlace[])[] {
  const runs: JournalPlace[][] = []
  for (const place of places) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    if (last?.file === place.file && last.offset + last.length === place.offset) run?.push(place)
    else runs.push([place])
  }
  return runs
}

async function writeAll(
  file: JournalFile,
  batch: readonly WaitingFrame[],
): Promise<readonly JournalPlace[]> {
  const begin = file.bytes
  // Chunks that are held keep the file, whether they can be written or not.
  file.held += batch.length
  try {
    const parts = batch.flatMap(({ head, frame }) => [head, frame.bytes])
    await writeWhole(file.handle, parts, begin)
    await file.handle.datasync()
  } catch (error) {
    file.held -= batch.length
    throw error
  }
  return batch.map(({ length, frame }) => {
    const { number, lastUs } = frame
    const place = { file: file.number, offset: file.bytes, length, number, lastUs }
    file.bytes += length
    return place
  })
}

async function writeWhole(
  handle: FileHandle,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  const sum = parts.reduce((total, { length }) => total + length, 0)
  // Small chunks are cheaper to copy than to point at.
  const few = sum / parts.length < COPIED_BYTES ? [Buffer.concat(parts)] : parts
  let { bytesWritten: done } = await handle.writev(few, position)
  if (done === sum) return
  const whole = Buffer.concat(parts)
  while (done < sum) {
    const { bytesWritten } = await handle.write(whole, done, sum - done, position + done)
    done += bytesWritten
  }
}

/** What an earlier process left in its journal: each whole chunk, in order. */
export async function* leftInJournal(folder: string): AsyncGenerator<ChunkFrame> {
  for (const number of await journalNumbers(folder)) {
    yield* framesOf(await readFile(join(folder, nameOf(number))))
  }
}

/** Removes the journal of an earlier process, of which everything has a segment. */
export async function removeJournal(folder: string): Promise<void> {
  for (const name of await journalNames(folder)) await rm(join(folder, name), { force: true })
}

/** The files of the journal, the oldest first. */
export async function journalNames(folder: string): Promise<readonly string[]> {
  return (await journalNumbers(folder)).map(nameOf)
}

async function journalNumbers(folder: string): Promise<readonly number[]> {
  const names = await namesIn(folder)
  const numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? [])
  return numbers.map(Number).toSorted((a, b) => a - b)
}

const nameOf = (number: number) => `journal-${String(number).padStart(12, '0')}.log`
