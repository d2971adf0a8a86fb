import { type Command, Option } from 'commander'
import { parseWholeId } from '../arguments/decision-id.ts'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runSessionCut, runSessionReview, type SessionCutOptions } from './act-on-session.ts'
import { runSessionExport, type SessionExportOptions } from './run-session-export.ts'
import { runSessionGrep, type SessionGrepOptions } from './run-session-grep.ts'
import { runSessionImport, type SessionImportOptions } from './run-session-import.ts'
import { runSessions } from './run-sessions.ts'
import { addSessionFilter, type SessionFilter } from './session-filter.ts'

/** Adds `sessions` and its commands; `name` is how the program is called, `start` runs a command. */
export function addSessions(program: Command, name: string, start: Start): void {
  const sessions = program.command('sessions')
  sessions.description('List recorded sessions; or export, search, review, cut and import them.')
  addSessionFilter(sessions)
    .addHelpText(
      'before',
      examples(name, [
        ['sessions -n team', 'recorded sessions that pods of a namespace opened'],
        ['sessions -A --live', 'sessions that have not ended'],
        ['sessions --root alice --since 1d', 'sessions of a day for alice'],
        ['replay 01m83xj9780000000000000001', 'one session, in the terminal'],
      ]),
    )
    .action(() => start((context) => runSessions(context, sessions.opts<SessionFilter>())))
  addSessionExport(sessions, name, start)
  addGrep(sessions, name, start)
  addCut(sessions, name, start)
  addReview(sessions, name, start)
  addImport(sessions, name, start)
}

function addSessionExport(sessions: Command, name: string, start: Start): void {
  const command = sessions.command('export')
  command
    .argument('<id>', 'id of a session', usable(parseWholeId))
    .description('Write a recording to stdout.')
    .addOption(
      new Option(
        '--format <format>',
        'v3 and v2 are asciicast; raw is the bytes of output and error output',
      )
        .choices(['v3', 'v2', 'raw'])
        .default('v3'),
    )
    .addHelpText(
      'before',
      examples(name, [
        ['sessions export 01m83xj9780000000000000001 > session.cast', 'for asciinema 3'],
        ['sessions export 01m83xj9780000000000000001 --format v2', 'for older players'],
      ]),
    )
    .action((id: string) =>
      start((context) => runSessionExport(context, id, command.opts<SessionExportOptions>())),
    )
}

function addGrep(sessions: Command, name: string, start: Start): void {
  const command = sessions.command('grep')
  command
    .argument('<word>', 'text that a line holds', usable(parseText))
    .description(
      'Search recorded sessions, as far as you may read them; each session that is read says so.',
    )
    .option('-i, --ignore-case', 'take capital and small letters for the same')
    .addHelpText(
      'before',
      examples(name, [
        ['sessions grep password -n team --since 7d', 'lines of a week that hold the word'],
        ['sessions grep -i secret --root alice -o json', 'for a program, a line each'],
      ]),
    )
    .action((word: string) =>
      start((context) =>
        runSessionGrep(context, word, {
          ...sessions.opts<SessionFilter>(),
          ...command.opts<SessionGrepOptions>(),
        }),
      ),
    )
}

function addCut(sessions: Command, name: string, start: Start): void {
  const command = sessions.command('cut')
  command
    .argument('<id>', 'id of a session', usable(parseWholeId))
    .description('End a session that is live; its caller sees the reason.')
    .requiredOption(
      '--reason <text>',
      'reason for the caller and for the record',
      usable(parseText),
    )
    .addHelpText(
      'before',
      examples(name, [
        ['sessions cut 01m83xj9780000000000000001 --reason "wrong cluster"', 'immediately'],
      ]),
    )
    .action((id: string) =>
      start((context) => runSessionCut(context, id, command.opts<SessionCutOptions>())),
    )
}

function addReview(sessions: Command, name: string, start: Start): void {
  sessions
    .command('review')
    .argument('<id>', 'id of a session', usable(parseWholeId))
    .description('Say on record that you have looked at a session.')
    .addHelpText(
      'before',
      examples(name, [['sessions review 01m83xj9780000000000000001', 'after a replay']]),
    )
    .action((id: string) => start((context) => runSessionReview(context, id)))
}

function addImport(sessions: Command, name: string, start: Start): void {
  const command = sessions.command('import')
  command
    .argument('<file>', 'asciicast of version 2 or 3; - for stdin')
    .description(
      'Keep a session that was recorded elsewhere, such as by Tailscale. The session is marked as imported; nothing proves what its file says of users and pods.',
    )
    .option('--source <text>', 'where the file comes from; its name by default', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [
        ['sessions import session.cast -n team', 'into a namespace, whose readers may see it'],
        ['sessions import - -n team --source s3://recordings/1 < session.cast', 'from elsewhere'],
      ]),
    )
    .action((file: string) =>
      start((context) => runSessionImport(context, file, command.opts<SessionImportOptions>())),
    )
}
