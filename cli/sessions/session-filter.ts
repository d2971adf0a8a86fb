import type { Command } from 'commander'
import type { SessionSelection } from '../../api/client/session-client.ts'
import { type Moment, toUnixMs } from '../../core/moment.ts'
import { parsePodName, parseText } from '../arguments/object-name.ts'
import type { CommandContext } from '../command/command-context.ts'
import { usable } from '../command/global-options.ts'
import { addSince } from '../command/since-option.ts'

/** Which sessions a command is about; what is absent does not matter. */
export interface SessionFilter {
  readonly pod?: string
  readonly root?: string
  readonly since?: Moment
  readonly live?: boolean
}

/** Adds the options of a `SessionFilter`. */
export function addSessionFilter(command: Command): Command {
  command
    .option('--pod <name>', 'only sessions that this pod opened', usable(parsePodName))
    .option('--root <user>', 'only sessions for this root requester', usable(parseText))
  return addSince(command, 'sessions that began').option(
    '--live',
    'only sessions that have not ended',
  )
}

/** What the API is asked for. */
export function toSelection(
  { client, allNamespaces, now }: CommandContext,
  { pod, root, since, live }: SessionFilter,
): SessionSelection {
  return {
    scope: allNamespaces ? undefined : client.namespace,
    fields: {
      'spec.pod': pod,
      'spec.rootRequester': root,
      'status.phase': live === true ? 'Live' : undefined,
    },
    ...(since === undefined ? {} : { sinceMs: toUnixMs(since, now()) }),
  }
}
