import { readRecording } from '../../api/client/session-client.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import { Fault } from '../../core/fault.ts'
import { CastConverter } from '../../core/recording/cast-converter.ts'
import type { CommandContext } from '../command/command-context.ts'
import { findSession } from './find-session.ts'
import { rawOutput } from './raw-recording.ts'

export interface SessionExportOptions {
  readonly format: 'v2' | 'v3' | 'raw'
}

/**
 * `sessions export ID`: a recording to stdout, as asciicast or as the bytes of its output. Throws
 * `request_invalid` for bytes to a terminal, which would obey them.
 */
export async function runSessionExport(
  context: CommandContext,
  name: string,
  { format }: SessionExportOptions,
): Promise<number> {
  if (format === 'raw' && context.terminal.shown) {
    throw new Fault(
      'request_invalid',
      'A terminal would obey what is in the bytes: write them to a file (> FILE), or use replay',
    )
  }
  const session = await findSession(context, name)
  if (format === 'raw') await exportBytes(context, session)
  else await exportCast(context, session, new CastConverter(format === 'v2' ? 2 : 3))
  return 0
}

async function exportCast(
  { client, terminal }: CommandContext,
  session: SessionObject,
  converter: CastConverter,
): Promise<void> {
  for await (const chunk of await readRecording(client, session, { form: 'asciicast' })) {
    terminal.out(converter.push(chunk))
    await terminal.flushed()
  }
  terminal.out(converter.end())
}

async function exportBytes(
  { client, terminal }: CommandContext,
  session: SessionObject,
): Promise<void> {
  const chunks = await readRecording(client, session, { form: 'events' })
  for await (const bytes of rawOutput(chunks)) {
    terminal.outBytes(bytes)
    await terminal.flushed()
  }
}
