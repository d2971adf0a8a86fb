import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../../core/assert.ts'
import { type ChunkFrame, decodeFrame, encodeFrame, framesOf } from './chunk-frame.ts'
import { namesIn, syncFolder } from './recordings-folder.ts'

/** A new file begins beyond this size, so that a file goes when all recordings in it have a segment. */
const FILE_BYTES = 16 * 1_024 * 1_024
/** Bytes of one write: what more waits comes with the next. */
const WRITE_BYTES = 4 * 1_024 * 1_024
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
  readonly bytes: Buffer
  readonly frame: ChunkFrame
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
    this.#waiting.push({ bytes: encodeFrame(frame), frame, resolve, reject })
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
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
  }

  #take(): readonly WaitingFrame[] {
    let bytes = 0
    const more = this.#waiting.findIndex((one) => {
      bytes += one.bytes.length
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
  async read({ file: number, offset, length }: JournalPlace): Promise<ChunkFrame> {
    const file = this.#files.get(number)
    if (file === undefined) throw new Error('the chunk is no longer in the journal')
    const bytes = Buffer.alloc(length)
    await file.handle.read(bytes, 0, length, offset)
    const found = decodeFrame(bytes, 0)
    if (found === undefined) throw new Error('the chunk in the journal is damaged')
    return found.frame
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
    if (file.held > 0 || file === this.#current || !this.#files.delete(file.number)) return
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

async function writeAll(
  file: JournalFile,
  batch: readonly WaitingFrame[],
): Promise<readonly JournalPlace[]> {
  const begin = file.bytes
  const whole = Buffer.concat(batch.map(({ bytes }) => bytes))
  // Chunks that are held keep the file, whether they can be written or not.
  file.held += batch.length
  try {
    await writeWhole(file.handle, whole, begin)
    await file.handle.datasync()
  } catch (error) {
    file.held -= batch.length
    throw error
  }
  file.bytes += whole.length
  let offset = begin
  return batch.map(({ bytes, frame }) => {
    const { number, lastUs } = frame
    const place = { file: file.number, offset, length: bytes.length, number, lastUs }
    offset += bytes.length
    return place
  })
}

async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
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
  for (const number of await journalNumbers(folder)) {
    await rm(join(folder, nameOf(number)), { force: true })
  }
}

async function journalNumbers(folder: string): Promise<readonly number[]> {
  const names = await namesIn(folder)
  const numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? [])
  return numbers.map(Number).toSorted((a, b) => a - b)
}

const nameOf = (number: number) => `journal-${String(number).padStart(12, '0')}.log`
