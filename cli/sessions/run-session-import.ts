import { basename } from 'node:path'
import { importSession } from '../../api/client/session-client.ts'
import { readFileOrStdin } from '../arguments/read-file.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeSession } from './act-on-session.ts'

export interface SessionImportOptions {
  readonly source?: string
}

/**
 * `sessions import FILE`: brings an asciicast that was recorded elsewhere, into the namespace of the client. Throws
 * `request_invalid` with the number of the line that is no asciicast.
 */
export async function runSessionImport(
  context: CommandContext,
  file: string,
  { source }: SessionImportOptions,
): Promise<number> {
  const { client } = context
  const from = source ?? (file === '-' ? 'stdin' : basename(file))
  const session = await importSession(client, client.namespace, readFileOrStdin(file), from)
  writeSession(context, session, 'imported')
  return 0
}
