import { listSessions, readRecording } from '../../api/client/session-client.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJsonLine } from '../terminal/output-format.ts'
import { sessionClock } from '../terminal/session-clock.ts'
import { type FoundLine, grepCast } from './grep-cast.ts'
import { type SessionFilter, toSelection } from './session-filter.ts'

export interface SessionGrepOptions extends SessionFilter {
  readonly ignoreCase?: boolean
}

/** `sessions grep WORD`: lines of recorded sessions that hold the word. Each session that is read is recorded. */
export async function runSessionGrep(
  context: CommandContext,
  word: string,
  options: SessionGrepOptions,
): Promise<number> {
  const { client, terminal } = context
  const matches = matcher(word, options.ignoreCase === true)
  let sessions = 0
  let lines = 0
  for await (const { items } of listSessions(client, toSelection(context, options))) {
    for (const session of items) {
      sessions += 1
      const chunks = await readRecording(client, session, { form: 'asciicast' })
      for await (const found of grepCast(chunks, matches)) {
        lines += 1
        terminal.out(lineOf(context, session, found))
        await terminal.flushed()
      }
    }
  }
  if (lines === 0) terminal.err(`No line found in ${sessions} sessions.\n`)
  return 0
}

function matcher(word: string, ignoreCase: boolean): (line: string) => boolean {
  if (!ignoreCase) return (line) => line.includes(word)
  const folded = word.toLowerCase()
  return (line) => line.toLowerCase().includes(folded)
}

function lineOf(
  { output }: CommandContext,
  { metadata }: SessionObject,
  { atUs, stream, line }: FoundLine,
): string {
  const { namespace, name } = metadata
  if (output === 'json') return toJsonLine({ namespace, session: name, atUs, stream, line })
  const what = stream === 'output' ? '' : `(${stream}) `
  return `${name}  ${sessionClock(atUs)}  ${what}${escapeText(line)}\n`
}
