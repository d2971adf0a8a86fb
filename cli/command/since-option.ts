import type { Command } from 'commander'
import { parseMoment } from '../../core/moment.ts'
import { usable } from './global-options.ts'

/** Adds `--since`, which is read as a `Moment`; `what` says which objects it leaves, such as `decisions made`. */
export function addSince(command: Command, what: string): Command {
  return command.option(
    '--since <when>',
    `only ${what} then or later: 10m, 2h or 7d (ago), 2026-11-01 (UTC), 2026-11-01T08:00:00Z`,
    usable(parseMoment),
  )
}
