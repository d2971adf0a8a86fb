import type { Command } from 'commander'
import { parseDuration } from '../../core/duration.ts'
import { Fault } from '../../core/fault.ts'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type ReplayOptions, runReplay } from './run-replay.ts'

const SPEED_MIN = 0.01
const SPEED_MAX = 1_000

/** Adds `replay`; `name` is how the program is called, `start` runs a command. */
export function addReplay(program: Command, name: string, start: Start): void {
  const replay = program.command('replay')
  replay
    .argument(
      '<session>',
      'id of a recorded session, or an asciicast file of version 2 or 3; - reads stdin',
      usable(parseText),
    )
    .description(
      'Show a recorded session in the terminal. Escape sequences that do more than write, colour, move or erase are left out.',
    )
    .option('--speed <factor>', 'so many times as fast', usable(parseSpeed), 1)
    .option(
      '--idle-limit <duration>',
      'longest pause; by default as the file says',
      usable(parseDuration),
    )
    .option(
      '--from <duration>',
      'show everything before this time without pauses',
      usable(parseDuration),
      0,
    )
    .option('-f, --follow', 'show a live session as it happens, until it ends')
    .addHelpText('before', examples(name, EXAMPLES))
    .action((session: string) =>
      start((context) => runReplay(context, session, replay.opts<ReplayOptions>())),
    )
}

const EXAMPLES = [
  ['replay 01m83xj9780000000000000001', 'a recorded session, as it happened'],
  ['replay 01m83xj9780000000000000001 -f', 'a live one, as it happens'],
  ['replay session.cast', 'a file'],
  ['replay session.cast --speed 4 --idle-limit 1s', 'quickly'],
  ['replay session.cast --from 10m', 'from the eleventh minute on'],
] as const

function parseSpeed(text: string): number {
  const speed = /^\d{1,4}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN
  if (speed >= SPEED_MIN && speed <= SPEED_MAX) return speed
  throw new Fault('request_invalid', `want a number from ${SPEED_MIN} to ${SPEED_MAX}`)
}
