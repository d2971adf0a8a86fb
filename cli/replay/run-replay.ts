import { setTimeout as sleep } from 'node:timers/promises'
import { readRecording } from '../../api/client/session-client.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import { isWholeId } from '../arguments/decision-id.ts'
import { readFileOrStdin } from '../arguments/read-file.ts'
import type { CommandContext } from '../command/command-context.ts'
import { findSession } from '../sessions/find-session.ts'
import { sessionClock } from '../terminal/session-clock.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Replayed, replayCast } from './replay-cast.ts'

export interface ReplayOptions {
  readonly speed: number
  /** Milliseconds. */
  readonly idleLimit?: number
  /** Milliseconds. */
  readonly from: number
  readonly follow?: boolean
}

const ESC = '\x1b'
/** The scroll region, which moves the cursor; then colours, character sets, cursor, wrapping, insert mode. */
const RESTORE = '\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x1b)B\x0f\x1b[?25h\x1b[?7h\x1b[4l\n'
const SWITCH = new RegExp(`${ESC}\\[\\?(?:\\d+;)*(?:47|1047|1049)(?:;\\d+)*([hl])`, 'g')
/** Only from the alternate screen: elsewhere it would move the cursor. */
const LEAVE_SCREEN = '\x1b[?1049l'

/**
 * `replay SESSION`: the output of a recorded session, at its pace where a person watches and without pauses
 * where a program reads, or as it comes. The session is one of the cluster, by its id, or a file. Ctrl-C ends
 * the replay and restores the terminal.
 */
export async function runReplay(
  context: CommandContext,
  source: string,
  options: ReplayOptions,
): Promise<number> {
  const { terminal } = context
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  process.once('SIGINT', interrupt)
  const screen = new ScreenState()
  try {
    const replayed = await replayCast(screen.watch(terminal), {
      chunks: await open(context, source, options.follow === true),
      mayBeEmpty: isWholeId(source),
      speed: options.speed,
      idleMsMax: options.idleLimit,
      fromMs: options.follow === true ? Number.POSITIVE_INFINITY : options.from,
      wait: terminal.shown ? (ms) => pause(ms, interrupted.signal) : async () => {},
      stopped: () => interrupted.signal.aborted,
    })
    screen.restore(terminal)
    tellRest(context, replayed)
    return 0
  } catch (error) {
    // Cleans up.
    screen.restore(terminal)
    throw error
  } finally {
    process.off('SIGINT', interrupt)
  }
}

/** What a replay has done to the screen, and the way back. */
class ScreenState {
  #alternate = false
  #written = false

  /** The same terminal; what goes to it is looked at. */
  watch(terminal: Terminal): Terminal {
    return {
      ...terminal,
      out: (text) => {
        this.#written ||= text !== ''
        // A sequence always comes whole from the neutraliser.
        const [last] = [...text.matchAll(SWITCH)].slice(-1)
        if (last !== undefined) this.#alternate = last[1] === 'h'
        terminal.out(text)
      },
    }
  }

  restore(terminal: Terminal): void {
    if (!terminal.shown || !this.#written) return
    terminal.out((this.#alternate ? LEAVE_SCREEN : '') + RESTORE)
  }
}

/** The asciicast of a session, by its whole id, or of a file. */
async function open(
  context: CommandContext,
  source: string,
  follow: boolean,
): Promise<AsyncIterable<Uint8Array>> {
  if (!isWholeId(source)) {
    if (!follow) return readFileOrStdin(source)
    throw new Fault('request_invalid', '--follow wants the id of a session: a file does not grow')
  }
  const session = await findSession(context, source.toLowerCase())
  return readRecording(context.client, session, { form: 'asciicast', follow })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // Converted: `stopped` says it.
  }
}

/** What happened besides output, to the reader's other stream. */
function tellRest({ terminal }: CommandContext, replayed: Replayed): void {
  const { markers, moreMarkers, exitCode, removed } = replayed
  for (const { atUs, text } of markers) terminal.err(`${sessionClock(atUs)}  ${escapeText(text)}\n`)
  if (moreMarkers > 0) terminal.err(`and ${moreMarkers} more markers\n`)
  if (exitCode !== undefined) terminal.err(`The command ended with exit code ${exitCode}.\n`)
  if (removed > 0) terminal.err(`Left out control sequences and characters: ${removed}.\n`)
}
