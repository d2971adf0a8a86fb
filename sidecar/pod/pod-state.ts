import { createPrivateKey, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import type { Logger } from '../../platform/logger.ts'
import { writeFileAtomically } from './atomic-file.ts'
import { createPodAuthority } from './pod-authority.ts'

/** Longer than any pod lives; a pod's authority signs for its own loopback address only. */
const AUTHORITY_VALID_MS = 10 * 365 * 24 * 3_600_000

const TOKEN_BYTES = 32

/** What must outlive the process: containers read these files once and keep them in memory. */
export interface PodState {
  readonly authority: CertificatePair
  /** Token by container. They are random, so kube-apiserver accepts none of them. */
  readonly tokens: ReadonlyMap<string, string>
}

const storedState = z.strictObject({
  certificatePem: z.string().min(1),
  privateKeyPem: z.string().min(1),
  tokens: z.record(z.string(), z.string().min(TOKEN_BYTES)),
})

/**
 * The pod's certificate authority and container tokens: those that an earlier run of the sidecar
 * left in `directory/private`, else new ones, kept there. Throws when the directory is not writable.
 */
export async function openPodState(
  directory: string,
  containers: readonly string[],
  logger: Logger,
): Promise<PodState> {
  const folder = join(directory, 'private')
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o700)
  const path = join(folder, 'state.json')
  const stored = await readState(path, logger)
  const authority = stored?.authority ?? createPodAuthority(AUTHORITY_VALID_MS)
  const tokens = new Map(
    containers.map((name) => [
      name,
      stored?.tokens[name] ?? randomBytes(TOKEN_BYTES).toString('base64url'),
    ]),
  )
  const state = {
    certificatePem: authority.certificatePem,
    privateKeyPem: authority.privateKeyPem,
    tokens: Object.fromEntries(tokens),
  }
  await writeFileAtomically(path, JSON.stringify(state), 0o600)
  return { authority, tokens }
}

async function readState(path: string, logger: Logger) {
  try {
    const { tokens, ...authority } = storedState.parse(JSON.parse(await readFile(path, 'utf8')))
    createPrivateKey(authority.privateKeyPem)
    return { tokens, authority }
  } catch (error) {
    // A first start has no file. A broken one cannot be mended: new keys refuse old callers, and
    // none gets in.
    if (!isNotFound(error)) logger.warn({ error: new Error('unreadable') }, 'Replacing the state')
    return undefined
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT'
}
