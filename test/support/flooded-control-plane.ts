import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ChannelCredentials } from '@grpc/grpc-js'
import { CoreV1Api, type KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { AdmissionService } from '../../proto/gen/lanyard/v1/admission_pb.ts'
import { createGrpcClient } from '../../proto/grpc-service.ts'
import { waitFor } from '../cluster/control.ts'
import { type AskingSidecar, type Channel, enrollAt, openSidecar } from './asking-sidecar.ts'
import { startBareApiServer } from './bare-apiserver.ts'
import { bearer } from './control-plane-fixture.ts'
import { type ControlPlaneProcess, startControlPlaneProcess } from './control-plane-process.ts'
import { type FloodingPod, startFloodingPod } from './flooding-pod.ts'

const CHART = resolve(import.meta.dirname, '../../deploy/chart')
const SYSTEM = 'lanyard-system'
const NAME = 'lanyard-control-plane'
const NAMESPACE = 'team'
const READY_MS_MAX = 120_000

/** A control plane as a process behind a real kube-apiserver; alice and bob may list and get pods in `team`. */
export interface FloodedControlPlane {
  readonly process: ControlPlaneProcess
  readonly caPem: string
  /** The token of a new pod of a person, for the control plane. */
  tokenOf(user: string): Promise<string>
  sidecarOf(user: string): Promise<AskingSidecar>
  floodingPodOf(user: string): Promise<FloodingPod>
  /** Memory that is the process's own, in bytes. */
  ownBytes(): Promise<number>
  close(): Promise<void>
}

/** Starts all of it. */
export async function startFloodedControlPlane(programs: {
  readonly kube: string
  readonly helm: string
  /** What runs the control plane; Node unless told. */
  readonly command?: readonly string[]
}): Promise<FloodedControlPlane> {
  const apiServer = await startBareApiServer(programs.kube)
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-flooded-'))
  const admin = await apiServer.config('admin', 'system:masters')
  const core = admin.makeApiClient(CoreV1Api)
  const [adminFile, ownFile] = [join(folder, 'admin'), join(folder, 'control-plane')]
  const account = `system:serviceaccount:${SYSTEM}:${NAME}`
  await writeFile(adminFile, await apiServer.kubeconfig('admin', 'system:masters'))
  await writeFile(ownFile, await apiServer.kubeconfig(account, 'system:serviceaccounts'))
  const install = ['install', 'lanyard', CHART, '--namespace', SYSTEM, '--create-namespace']
  await promisify(execFile)(programs.helm, [...install, '--kubeconfig', adminFile], {
    env: { ...process.env, HOME: folder },
  })
  await prepareTeam(admin)
  const controlPlane = await startControlPlaneProcess({
    ...{ folder, kubeconfigFile: ownFile },
    ...(programs.command === undefined ? {} : { command: programs.command }),
  })
  const close = async () => {
    await controlPlane.terminate()
    await apiServer.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await waitFor('the control plane', READY_MS_MAX, async () => {
      return (await controlPlane.health('/readyz')).status === 200
    })
    const { data } = await core.readNamespacedSecret({ name: 'lanyard-ca', namespace: SYSTEM })
    const caPem = Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString()
    const place = `localhost:${controlPlane.grpcPort}`
    const channel = [place, ChannelCredentials.createSsl(Buffer.from(caPem))] as const
    return {
      process: controlPlane,
      caPem,
      tokenOf: async (user) => (await makePod(core, channel, user)).token,
      sidecarOf: async (user) => {
        const { podUid, token } = await makePod(core, channel, user)
        return openSidecar(channel, podUid, await enrollAt(channel, token))
      },
      floodingPodOf: async (user) => {
        const { podUid, token } = await makePod(core, channel, user)
        const session = await enrollAt(channel, token)
        return startFloodingPod({ place, caPem, session, podUid })
      },
      ownBytes: () => readOwnBytes(controlPlane.pid),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function prepareTeam(admin: KubeConfig): Promise<void> {
  const namespace = NAMESPACE
  const core = admin.makeApiClient(CoreV1Api)
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'agent' } } })
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api)
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'get'] }]
  await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'read' }, rules } })
  const apiGroup = 'rbac.authorization.k8s.io'
  const subjects = ['alice', 'bob'].map((name) => ({ apiGroup, kind: 'User', name }))
  const roleRef = { apiGroup, kind: 'Role', name: 'read' }
  const body = { metadata: { name: 'read' }, roleRef, subjects }
  await rbac.createNamespacedRoleBinding({ namespace, body })
}

async function tokenFor(
  core: CoreV1Api,
  namespace: string,
  name: string,
  pod?: { readonly name: string; readonly uid: string },
): Promise<string> {
  const boundObjectRef = pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', ...pod } }
  const body = { spec: { audiences: [NAME], expirationSeconds: 600, ...boundObjectRef } }
  const made = await core.createNamespacedServiceAccountToken({ name, namespace, body })
  return made.status?.token ?? ''
}

/** A pod of a person, bound to the person's chain as the injector binds it. */
async function makePod(core: CoreV1Api, channel: Channel, username: string) {
  const { metadata } = await core.createNamespacedPod({
    namespace: NAMESPACE,
    body: {
      metadata: { generateName: `${username}-` },
      spec: { serviceAccountName: 'agent', containers: [{ name: 'app', image: 'app:1' }] },
    },
  })
  const { uid: podUid = '', name: podName = '' } = metadata ?? {}
  const client = createGrpcClient(AdmissionService, ...channel)
  const context = { user: { username, groups: [] }, namespace: NAMESPACE }
  const request = { context, podUid, podName, serviceAccount: 'agent' }
  const injector = bearer(await tokenFor(core, SYSTEM, 'lanyard-injector'))
  await new Promise<void>((done, fail) => {
    client.bindPod(request, injector, {}, (error) => (error === null ? done() : fail(error)))
  }).finally(() => client.close())
  const token = await tokenFor(core, NAMESPACE, 'agent', { name: podName, uid: podUid })
  return { podUid, token }
}

async function readOwnBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1_024
}
