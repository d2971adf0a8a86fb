import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startFakeControlPlane } from '../../test/support/fake-control-plane.ts'
import type { Program } from './recipes.ts'

const KEEP_CODE = join(import.meta.dirname, 'keep-code.ts')
const START_MS_MAX = 60_000
const LOOK_EVERY_MS = 5
/** From the first stream to the control plane on; what a start does comes before. */
const SETTLE_MS = 200

/**
 * Starts the sidecar of a folder once, with the flags of its image and a control plane on loopback, and leaves
 * the code that V8 compiled for that beside the program. Throws when it does not come up.
 */
export async function keepCodeOfSidecar(folder: string, { argv, env }: Program): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'lanyard-code-'))
  const controlPlane = await startFakeControlPlane()
  const settings = await sidecarSettings(work, controlPlane)
  const [node = '', ...rest] = argv
  const flags = rest.filter((word) => word.startsWith('--'))
  const child = spawn(node, [...flags, KEEP_CODE], {
    env: { ...env, ...settings, LANYARD_PROGRAM_FOLDER: folder },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  try {
    for (let passed = 0; controlPlane.sessions.length === 0; passed += LOOK_EVERY_MS) {
      if (passed > START_MS_MAX || child.exitCode !== null)
        throw new Error('The sidecar whose code is to be kept does not come up')
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    child.send('keep')
    const [code] = await ended
    if (code !== 0) throw new Error(`The sidecar whose code is to be kept ended with ${code}`)
  } finally {
    child.kill('SIGKILL')
    await controlPlane.close()
    await rm(work, { recursive: true, force: true })
  }
}

async function sidecarSettings(
  folder: string,
  { address, caPem }: { readonly address: string; readonly caPem: string },
): Promise<Readonly<Record<string, string>>> {
  const token = join(folder, 'token')
  await writeFile(token, 'none')
  await mkdir(join(folder, 'state'))
  return {
    LANYARD_CONTROL_PLANE_ADDRESS: address,
    // As injected: an address and a name.
    LANYARD_CONTROL_PLANE_NAME: 'localhost',
    LANYARD_CONTROL_PLANE_CA: caPem,
    LANYARD_CONTAINERS: 'app',
    LANYARD_POD_NAMESPACE: 'team',
    // Nobody listens there; nothing is asked for at a start.
    LANYARD_UPSTREAM_URL: 'https://127.0.0.1:1',
    LANYARD_API_CA: caPem,
    LANYARD_API_TOKEN_FILE: token,
    LANYARD_CONTROL_PLANE_TOKEN_FILE: token,
    LANYARD_STATE_DIRECTORY: join(folder, 'state'),
    LANYARD_LISTEN_PORT_NUMBER: '0',
    LANYARD_HEALTH_PORT_NUMBER: '0',
    LANYARD_HEALTH_HOST: '127.0.0.1',
  }
}
