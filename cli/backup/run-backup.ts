import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { accessPath } from '../../api/client/access-client.ts'
import type { Download } from '../../api/client/kubernetes-client.ts'
import { AUDIT_STORE_NAME, AUDIT_STORES } from '../../api/objects/audit-store-object.ts'
import { Fault } from '../../core/fault.ts'
import type { CommandContext } from '../command/command-context.ts'
import { mebibytes } from '../terminal/mebibytes.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'

export interface BackupOptions {
  readonly force?: boolean
}

/** Between two lines that say how far the copy is. */
const PROGRESS_MS = 5_000

interface Copied {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/**
 * `backup FILE`: the file is there whole, with the digest that the server told, or not at all. Throws
 * `binding_conflict` for a file that is there, and `upstream_failed` for a copy that is not what was sent.
 */
export async function runBackup(
  context: CommandContext,
  file: string,
  { force = false }: BackupOptions,
): Promise<number> {
  const { terminal, output } = context
  if (!force && (await exists(file))) {
    throw new Fault(
      'binding_conflict',
      `${file} is there already: name another file, or use --force`,
    )
  }
  const copied = await copy(context, file)
  if (output === 'json') terminal.out(toJson(copied))
  else if (output === 'yaml') terminal.out(toYaml(copied))
  else if (output === 'name') terminal.out(`${file}\n`)
  else terminal.out(`${file}: ${mebibytes(copied.bytes)} MiB, SHA-256 ${copied.sha256}\n`)
  return 0
}

async function copy(context: CommandContext, file: string): Promise<Copied> {
  const partial = `${file}.partial`
  const target = await openFile(partial)
  try {
    context.terminal.err('The control plane makes a copy of its database …\n')
    const path = `${accessPath(AUDIT_STORES, undefined, AUDIT_STORE_NAME)}/log`
    const download = await context.client.download(path)
    const copied = await receive(context, target, download)
    await target.sync()
    await rename(partial, file)
    return { file, ...copied }
  } catch (error) {
    // Cleans up: half a copy is none.
    await rm(partial, { force: true })
    throw error
  } finally {
    await target.close()
  }
}

async function receive(
  { terminal, now }: CommandContext,
  target: FileHandle,
  { headers, chunks }: Download,
): Promise<Omit<Copied, 'file'>> {
  const total = Number(headers['content-length'] ?? 0)
  const hash = createHash('sha256')
  let bytes = 0
  let dueAtMs = now() + PROGRESS_MS
  for await (const chunk of chunks) {
    hash.update(chunk)
    await target.write(chunk)
    bytes += chunk.length
    if (now() >= dueAtMs) {
      dueAtMs = now() + PROGRESS_MS
      const of = total === 0 ? '' : ` of ${mebibytes(total)}`
      terminal.err(`${mebibytes(bytes)}${of} MiB …\n`)
    }
  }
  const sha256 = hash.digest('hex')
  const told = /sha-256=:([\w+/=]+):/.exec(String(headers['repr-digest'] ?? ''))?.[1]
  if (told === undefined || Buffer.from(told, 'base64').toString('hex') !== sha256) {
    throw new Fault(
      'upstream_failed',
      'The copy differs from what the control plane sent: try again',
    )
  }
  return { bytes, sha256 }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    // Converted: what is not there can be written, and what cannot be is told when it is.
    return false
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // For the owner alone: arguments of commands may hold secrets.
    return await open(path, 'w', 0o600)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error'
    throw new Fault('config_invalid', `Cannot write the copy: ${reason}`, { cause: error })
  }
}
