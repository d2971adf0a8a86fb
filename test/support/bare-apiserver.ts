import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { createTestAuthority } from './test-certificates.ts'

/** A real kube-apiserver with etcd and nothing else: no kubelet, no controller, no root needed. */
export interface BareApiServer {
  /** Client certificate of a user as a kubeconfig; `system:masters` may do everything. */
  kubeconfig(user: string, group: string): Promise<string>
  config(user: string, group: string): Promise<KubeConfig>
  /** The authority of the certificate that it shows to aggregated APIs. */
  readonly frontProxyCaPem: string
  /** What kube-apiserver has logged so far. */
  log(): Promise<string>
  close(): Promise<void>
}

const START_MS_MAX = 60_000

/** Starts both on loopback ports that are free, with data in a folder of their own; `flags` are kube-apiserver's. */
export async function startBareApiServer(
  kube: string,
  flags: readonly string[] = [],
): Promise<BareApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-apiserver-'))
  const authority = await createTestAuthority('kubernetes')
  const frontProxyAuthority = await createTestAuthority('front-proxy-ca')
  const frontProxy = await frontProxyAuthority.issueClient('front-proxy-client')
  const serving = await authority.issueServer()
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const files = {
    'ca.crt': authority.certificatePem,
    'front-proxy-ca.crt': frontProxyAuthority.certificatePem,
    'front-proxy.crt': frontProxy.certificatePem,
    'front-proxy.key': frontProxy.privateKeyPem,
    'serving.crt': serving.certificatePem,
    'serving.key': serving.privateKeyPem,
    'sa.pub': keys.publicKey,
    'sa.key': keys.privateKey,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const logFile = join(folder, 'kube-apiserver.log')
  const children = [
    start(kube, etcdArgs(folder, etcdPort, peerPort), join(folder, 'etcd.log')),
    start(kube, [...apiServerArgs(folder, etcdPort, port), ...flags], logFile),
  ]
  const server = `https://127.0.0.1:${port}`

  async function kubeconfig(user: string, group: string): Promise<string> {
    const client = await authority.issueClient(user, group)
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'bare',
      clusters: [
        {
          name: 'bare',
          cluster: { server, 'certificate-authority-data': base64(authority.certificatePem) },
        },
      ],
      users: [
        {
          name: user,
          user: {
            'client-certificate-data': base64(client.certificatePem),
            'client-key-data': base64(client.privateKeyPem),
          },
        },
      ],
      contexts: [{ name: 'bare', context: { cluster: 'bare', user, namespace: 'team' } }],
    })
  }

  async function close(): Promise<void> {
    for (const child of children) await stop(child)
    await rm(folder, { recursive: true, force: true })
  }

  try {
    await waitUntilReady(port, authority.certificatePem)
  } catch (error) {
    await close()
    throw error
  }
  return {
    kubeconfig,
    frontProxyCaPem: frontProxyAuthority.certificatePem,
    async config(user, group) {
      const config = new KubeConfig()
      config.loadFromString(await kubeconfig(user, group))
      return config
    },
    log: () => readFile(logFile, 'utf8'),
    close,
  }
}

function etcdArgs(folder: string, port: number, peerPort: number): readonly string[] {
  const url = `http://127.0.0.1:${port}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  return [
    'etcd',
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--log-level=warn',
  ]
}

function apiServerArgs(folder: string, etcdPort: number, port: number): readonly string[] {
  const file = (name: string) => join(folder, name)
  return [
    'kube-apiserver',
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    `--cert-dir=${folder}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('serving.crt')}`,
    `--tls-private-key-file=${file('serving.key')}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${file('front-proxy.crt')}`,
    `--proxy-client-key-file=${file('front-proxy.key')}`,
  ]
}

function start(kube: string, args: readonly string[], logFile: string): ChildProcess {
  const child = spawn(kube, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const log = createWriteStream(logFile)
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  // Nothing of it is kept, so it need not drain.
  child.kill('SIGKILL')
  await ended
}

/** A port of loopback that nobody listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function waitUntilReady(port: number, ca: string): Promise<void> {
  const endsAt = performance.now() + START_MS_MAX
  while (performance.now() < endsAt) {
    if (await isReady(port, ca)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`kube-apiserver was not ready after ${START_MS_MAX} ms`)
}

function isReady(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/readyz', ca, agent: false as const }
    const outgoing = request(options, (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode === 200)
    })
    outgoing.once('error', () => resolve(false))
    outgoing.end()
  })
}
