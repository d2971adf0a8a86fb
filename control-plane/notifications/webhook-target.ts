import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../../core/fault.ts'
import { parseWebhookKey } from './webhook-signature.ts'

/** Somewhere that notices are sent. */
export interface WebhookTarget {
  /** Name of its file, without `.json`; nothing else of it is shown to people. */
  readonly name: string
  /** https; it may hold a secret, as Slack's do. */
  readonly url: URL
  readonly format: 'standard' | 'slack'
  /** Newest first; empty only for Slack, whose address is the secret. */
  readonly keys: readonly Buffer[]
  /** Namespaces of which it is told; undefined for all. */
  readonly namespaces: readonly string[] | undefined
  /** PEM of the authorities that vouch for the receiver; undefined for those of the runtime. */
  readonly caCertificate: string | undefined
}

/** A file that is no target, and why. */
export interface BrokenTarget {
  readonly name: string
  readonly problem: string
}

const FILE = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.json$/
const TARGETS_MAX = 16

const schema = z.strictObject({
  url: z.url({ protocol: /^https$/ }).max(2_048),
  format: z.enum(['standard', 'slack']).default('standard'),
  keys: z.array(z.string()).max(4).default([]),
  namespaces: z.array(z.string().min(1)).min(1).optional(),
  caCertificate: z.string().min(1).optional(),
})

/**
 * The targets in a folder, which is a mounted Secret: one JSON file each. A file that is wrong is told with the reason,
 * and the others count. An absent folder has none. Throws `config_invalid` when the folder cannot be read.
 */
export async function readWebhookTargets(folder: string): Promise<{
  readonly targets: readonly WebhookTarget[]
  readonly broken: readonly BrokenTarget[]
}> {
  const targets: WebhookTarget[] = []
  const broken: BrokenTarget[] = []
  for (const file of await listFiles(folder)) {
    const name = FILE.exec(file)?.[1]
    try {
      if (name === undefined) {
        throw new Fault('config_invalid', 'The key is NAME.json, in small letters, digits and -')
      }
      if (targets.length === TARGETS_MAX) {
        throw new Fault('config_invalid', `There are ${TARGETS_MAX} webhooks already`)
      }
      targets.push(parseWebhookTarget(name, await readFile(join(folder, file), 'utf8')))
    } catch (error) {
      // Converted: one wrong file must not silence the others.
      broken.push({ name: name ?? 'unnamed', problem: Fault.from(error).message })
    }
  }
  return { targets, broken }
}

/** Reads one file. Throws `config_invalid` with the field, and without its value, which may be a secret. */
export function parseWebhookTarget(name: string, text: string): WebhookTarget {
  const result = schema.safeParse(parseJson(text), { jitless: true })
  if (!result.success) {
    const fields = result.error.issues.map(
      ({ path, code }) => `${path.join('.') || 'file'} (${code})`,
    )
    throw new Fault(
      'config_invalid',
      `Wrong: ${fields.join(', ')}. Want url (https), format, keys, namespaces, caCertificate`,
    )
  }
  const { url, format, keys, namespaces, caCertificate } = result.data
  if (format === 'standard' && keys.length === 0) {
    throw new Fault('config_invalid', 'keys is empty: without a key nobody can tell who sent it')
  }
  return {
    name,
    url: new URL(url),
    format,
    keys: keys.map(parseWebhookKey),
    namespaces,
    caCertificate,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Converted: what JSON.parse says quotes the file, which holds secrets.
    throw new Fault('config_invalid', 'The file is no JSON')
  }
}

/** Without what kubelet keeps beside the files of a Secret. */
async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder)
    return entries.filter((entry) => !entry.startsWith('.')).sort()
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return []
    throw new Fault('config_invalid', 'The folder of webhooks cannot be read', { cause: error })
  }
}
