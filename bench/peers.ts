import { randomInt } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { API_TOKEN_PATH, PROXY_PORT, SERVICE_ACCOUNT_PATH } from '../core/pods/sidecar-contract.ts'
import { createTestAuthority } from '../test/support/test-certificates.ts'
import { inNetworkOf, type Running, startProgram } from './child-process.ts'
import type { ProcessIds } from './cpu-time.ts'
import { type EnvoyOptions, envoyConfiguration } from './envoy-configuration.ts'
import type { PathName } from './figures.ts'
import { openPeerRows, type PeerRows } from './peer-rows.ts'
import type { Programs } from './programs.ts'

/** Where a path begins, and the file with the token that it takes. */
export interface Entrance {
  readonly origin: string
  readonly tokenFile: string
}

/** What stands between the client and the API server on a path. */
export interface Peers {
  readonly entrances: Readonly<Record<PathName, Entrance>>
  /** Processes of the peers by path; the sidecar's and what stands behind it are not theirs. */
  readonly processes: Readonly<Record<PathName, ProcessIds>>
  /** What the recorded peer has put on record. */
  readonly rows: PeerRows
  /** Throws when a peer has ended. */
  check(): void
  stop(): Promise<void>
}

/** The authority of the API server, as the sidecar has it in its environment. */
export async function apiServerCa(sidecarPid: number): Promise<string> {
  const environment = (await readFile(`/proc/${sidecarPid}/environ`, 'utf8')).split('\0')
  const found = environment.find((line) => line.startsWith(API_CA))
  if (found === undefined) throw new Error("The sidecar has no API server's CA in its environment")
  return found.slice(API_CA.length)
}

const API_CA = 'LANYARD_API_CA='

/** What kube-proxy turns into the API server, in every pod. */
export const API_SERVER = { host: '10.96.0.1', port: 443 }

/** Where the peers are started, and for whom. */
export interface PeerPlace {
  readonly programs: Programs
  readonly podUid: string
  readonly sidecarPid: number
  /** A process in the pod's network. */
  readonly containerPid: number
  /** The cluster's own folder, which goes with it. */
  readonly root: string
  /** Of the control plane; the recorded peer writes to the same disk. */
  readonly databaseFile: string
}

/**
 * Starts Envoy three times, and the ext_authz server without and with records, in the network of a pod, where
 * the sidecar listens too: every proxy is on the client's loopback, and every one calls the API server at the same
 * address with the same token, the pod's real one. Files with keys are in a folder of `root`, and go with
 * it when this process cannot remove them. Throws when the peer's database would be on another disk.
 */
export async function startPeers(place: PeerPlace): Promise<Peers> {
  const { programs, containerPid, podUid, databaseFile } = place
  const folder = await mkdtemp(join(place.root, 'peers-'))
  await chmod(folder, 0o700)
  const records = join(folder, 'records.db')
  if ((await stat(folder)).dev !== (await stat(databaseFile)).dev) {
    throw new Error(`${folder} is on another disk than ${databaseFile}`)
  }
  const startEnvoy = await envoyStarter(place, folder)
  // High and random: nothing of the pod is there, and a peer left by a killed run is not met.
  const port = randomInt(20_000, 30_000)
  const startAuthz = (at: number, flags: readonly string[]) =>
    startProgram(inNetworkOf(containerPid, [programs.extAuthz, ...flags, `127.0.0.1:${at}`]))
  const noOp = startAuthz(port + 3, [])
  const recorder = startAuthz(port + 4, ['-record', records])
  const [plain, asking, recorded] = [
    await startEnvoy('envoy', { port, extAuthzPort: undefined, podUid: undefined }),
    await startEnvoy('asking', { port: port + 1, extAuthzPort: port + 3, podUid: undefined }),
    await startEnvoy('recorded', { port: port + 2, extAuthzPort: port + 4, podUid }),
  ]
  const running: readonly Running[] = [noOp, recorder, plain, asking, recorded]
  const rows = await openPeerRows(records)
  const { direct, lanyard } = ownEntrances(place)
  const { tokenFile } = direct
  return {
    entrances: {
      ...{ direct, lanyard },
      envoy: { origin: `https://127.0.0.1:${port}`, tokenFile },
      'envoy-ext-authz': { origin: `https://127.0.0.1:${port + 1}`, tokenFile },
      'envoy-ext-authz-recorded': { origin: `https://127.0.0.1:${port + 2}`, tokenFile },
    },
    processes: {
      direct: {},
      envoy: { envoy: plain.pid },
      'envoy-ext-authz': { envoy: asking.pid, ext_authz: noOp.pid },
      'envoy-ext-authz-recorded': { envoy: recorded.pid, ext_authz: recorder.pid },
      lanyard: {},
    },
    rows,
    check: () => running.forEach((one) => void one.check()),
    async stop() {
      rows.close()
      await Promise.all(running.map((one) => one.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The paths of a pod that need no peer. */
export function ownEntrances({
  sidecarPid,
  containerPid,
}: Pick<PeerPlace, 'sidecarPid' | 'containerPid'>): Readonly<
  Record<'direct' | 'lanyard', Entrance>
> {
  const real = join(`/proc/${sidecarPid}/root`, API_TOKEN_PATH)
  const own = join(`/proc/${containerPid}/root`, SERVICE_ACCOUNT_PATH, 'token')
  return {
    direct: {
      origin: `https://${API_SERVER.host}:${API_SERVER.port}`,
      tokenFile: join(real, 'token'),
    },
    lanyard: { origin: `https://127.0.0.1:${PROXY_PORT}`, tokenFile: own },
  }
}

/** A function that starts an Envoy; what all of them share is written once. */
async function envoyStarter(place: PeerPlace, folder: string) {
  const files = await writeCertificate(folder)
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, await apiServerCa(place.sidecarPid))
  const upstream = { ...API_SERVER, caFile }
  const token = (await readFile(ownEntrances(place).direct.tokenFile, 'utf8')).trim()
  type Own = Pick<EnvoyOptions, 'port' | 'extAuthzPort' | 'podUid'>
  return async (name: string, own: Own): Promise<Running> => {
    const file = join(folder, `${name}.json`)
    await writeFile(file, JSON.stringify(envoyConfiguration({ ...files, upstream, token, ...own })))
    return startProgram(inNetworkOf(place.containerPid, envoyCommand(place.programs.envoy, file)))
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
