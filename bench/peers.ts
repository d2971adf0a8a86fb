import { randomInt } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { API_TOKEN_PATH, PROXY_PORT, SERVICE_ACCOUNT_PATH } from '../core/pods/sidecar-contract.ts'
import { createTestAuthority } from '../test/support/test-certificates.ts'
import { inNetworkOf, type Running, startProgram } from './child-process.ts'
import { type EnvoyOptions, envoyConfiguration } from './envoy-configuration.ts'
import type { PathName } from './figures.ts'
import type { Programs } from './programs.ts'

/** Where a path begins, and the file with the token that it takes. */
export interface Entrance {
  readonly origin: string
  readonly tokenFile: string
}

export interface Peers {
  readonly entrances: Readonly<Record<PathName, Entrance>>
  /** Throws when a peer has ended. */
  check(): void
  stop(): Promise<void>
}

/** The authority of the API server, as the sidecar has it in its environment. */
async function apiServerCa(sidecarPid: number): Promise<string> {
  const environment = (await readFile(`/proc/${sidecarPid}/environ`, 'utf8')).split('\0')
  const found = environment.find((line) => line.startsWith(API_CA))
  if (found === undefined) throw new Error("The sidecar has no API server's CA in its environment")
  return found.slice(API_CA.length)
}

const API_CA = 'LANYARD_API_CA='

/** What kube-proxy turns into the API server, in every pod. */
const API_SERVER = { host: '10.96.0.1', port: 443 }

/**
 * Starts Envoy twice and the ext_authz server in the network of a pod, where the sidecar listens
 * too: every proxy is on the client's loopback, and every one calls the API server at the same
 * address with the same token, the pod's real one. Files with keys are in a folder of `root`, the
 * cluster's own, and go with it when this process cannot remove them.
 */
export async function startPeers(
  programs: Programs,
  pids: { readonly sidecar: number; readonly container: number },
  root: string,
): Promise<Peers> {
  const folder = await mkdtemp(join(root, 'peers-'))
  await chmod(folder, 0o700)
  const real = join(`/proc/${pids.sidecar}/root`, API_TOKEN_PATH)
  const tokenFile = join(real, 'token')
  const files = await writeCertificate(folder)
  // High and random: nothing of the pod is there, and a peer left by a killed run is not met.
  const port = randomInt(20_000, 30_000)
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, await apiServerCa(pids.sidecar))
  const upstream = { ...API_SERVER, caFile }
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const envoy = async (name: string, own: Pick<EnvoyOptions, 'port' | 'extAuthzPort'>) => {
    const file = join(folder, `${name}.json`)
    await writeFile(file, JSON.stringify(envoyConfiguration({ ...files, upstream, token, ...own })))
    return startProgram(inNetworkOf(pids.container, envoyCommand(programs.envoy, file)))
  }
  const authz = [programs.extAuthz, `127.0.0.1:${port + 2}`]
  const running: readonly Running[] = [
    startProgram(inNetworkOf(pids.container, authz)),
    await envoy('envoy', { port, extAuthzPort: undefined }),
    await envoy('envoy-ext-authz', { port: port + 1, extAuthzPort: port + 2 }),
  ]
  const own = join(`/proc/${pids.container}/root`, SERVICE_ACCOUNT_PATH, 'token')
  return {
    entrances: {
      direct: { origin: `https://${API_SERVER.host}:${API_SERVER.port}`, tokenFile },
      envoy: { origin: `https://127.0.0.1:${port}`, tokenFile },
      'envoy-ext-authz': { origin: `https://127.0.0.1:${port + 1}`, tokenFile },
      lanyard: { origin: `https://127.0.0.1:${PROXY_PORT}`, tokenFile: own },
    },
    check: () => running.forEach((one) => void one.check()),
    async stop() {
      await Promise.all(running.map((one) => one.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One worker: the sidecar has one thread for requests too. */
function envoyCommand(envoy: string, configuration: string): readonly string[] {
  const quiet = ['--log-level', 'warning', '--disable-hot-restart']
  return [envoy, '-c', configuration, '--concurrency', '1', ...quiet]
}

async function writeCertificate(
  folder: string,
): Promise<Pick<EnvoyOptions, 'certificateFile' | 'keyFile'>> {
  const authority = await createTestAuthority('bench')
  const { certificatePem, privateKeyPem } = await authority.issueServer()
  const certificateFile = join(folder, 'tls.crt')
  const keyFile = join(folder, 'tls.key')
  await writeFile(certificateFile, certificatePem)
  await writeFile(keyFile, privateKeyPem, { mode: 0o600 })
  return { certificateFile, keyFile }
}
