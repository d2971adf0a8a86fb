import { CAST_CODES, type CastEvent, type CastHeader } from '../../core/recording/asciicast.ts'
import { CastReader } from '../../core/recording/cast-reader.ts'
import { EscapeNeutraliser } from '../../core/recording/neutralise-escapes.ts'
import { ReplayPace } from '../../core/recording/replay-pace.ts'
import type { Terminal } from '../terminal/terminal.ts'

export interface CastReplay {
  /** The bytes of an asciicast, in pieces. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Times as fast as it happened. */
  readonly speed: number
  /** Longest pause in milliseconds of the session; undefined means what the file says. */
  readonly idleMsMax: number | undefined
  /** Milliseconds from the beginning that are shown without pauses. */
  readonly fromMs: number
  /** Whether nothing at all is taken for a session that has not begun to write. */
  readonly mayBeEmpty: boolean
  /** Waits so many milliseconds. */
  readonly wait: (ms: number) => Promise<void>
  /** Ends the replay where it is. */
  readonly stopped: () => boolean
}

export interface ReplayedMarker {
  readonly atUs: number
  readonly text: string
}

/** What a replay does not write to the screen. */
export interface Replayed {
  readonly header: CastHeader | undefined
  readonly markers: readonly ReplayedMarker[]
  /** How many markers there were beside those. */
  readonly moreMarkers: number
  readonly exitCode: string | undefined
  /** Control sequences and characters that were left out. */
  readonly removed: number
}

const MARKERS_MAX = 200

/** Writes the output of an asciicast to the terminal, at its pace. Throws `request_invalid` for a bad file. */
export async function replayCast(terminal: Terminal, replay: CastReplay): Promise<Replayed> {
  const player = new CastPlayer(terminal, replay)
  for await (const chunk of replay.chunks) {
    await player.play(chunk)
    if (replay.stopped()) return player.replayed()
  }
  await player.end()
  return player.replayed()
}

class CastPlayer {
  readonly #terminal: Terminal
  readonly #replay: CastReplay
  readonly #reader = new CastReader()
  readonly #neutraliser = new EscapeNeutraliser()
  readonly #markers: ReplayedMarker[] = []
  #pace: ReplayPace | undefined
  #bytes = 0
  #moreMarkers = 0
  #exitCode: string | undefined

  constructor(terminal: Terminal, replay: CastReplay) {
    this.#terminal = terminal
    this.#replay = replay
  }

  async play(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length
    await this.#show(this.#reader.push(chunk))
  }

  async end(): Promise<void> {
    // A live session may have written nothing yet; a file says at least its size.
    if (this.#bytes === 0 && this.#replay.mayBeEmpty) return
    await this.#show(this.#reader.end())
  }

  replayed(): Replayed {
    return {
      header: this.#reader.header,
      markers: this.#markers,
      moreMarkers: this.#moreMarkers,
      exitCode: this.#exitCode,
      removed: this.#neutraliser.removed,
    }
  }

  async #show(events: readonly CastEvent[]): Promise<void> {
    for (const event of events) {
      if (this.#replay.stopped()) return
      this.#pace ??= this.#newPace()
      const waitMs = this.#pace.waitMs(event.atUs)
      if (waitMs > 0) await this.#replay.wait(waitMs)
      if (event.code === CAST_CODES.output) {
        this.#terminal.out(this.#neutraliser.push(event.text))
        await this.#terminal.flushed()
      }
      this.#note(event)
    }
  }

  #newPace(): ReplayPace {
    const { speed, idleMsMax, fromMs } = this.#replay
    const idleSeconds = this.#reader.header?.idleTimeLimit
    const byFile = idleSeconds === undefined ? undefined : idleSeconds * 1_000
    const idleMs = idleMsMax ?? byFile
    return new ReplayPace({
      speed,
      idleUsMax: idleMs === undefined ? undefined : idleMs * 1_000,
      fromUs: fromMs * 1_000,
    })
  }

  #note({ atUs, code, text }: CastEvent): void {
    if (code === CAST_CODES.exit) this.#exitCode = text
    if (code !== CAST_CODES.marker) return
    if (this.#markers.length < MARKERS_MAX) this.#markers.push({ atUs, text })
    else this.#moreMarkers += 1
  }
}
