/* An agent that lists pods, starts a Job, follows its log, and asks when it is refused. */
import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  Log,
} from '@kubernetes/client-node'

const config = new KubeConfig()
config.loadFromCluster()
const namespace = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8')
const core = config.makeApiClient(CoreV1Api)
const batch = config.makeApiClient(BatchV1Api)
const apps = config.makeApiClient(AppsV1Api)

const say = (step: string, what: string): void => console.log(`${step}: ${what}`)

async function startJob(): Promise<string> {
  const container = {
    name: 'step',
    image: process.env['JOB_IMAGE'] ?? '',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', 'echo working; sleep 1; echo done'],
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  }
  const template = { spec: { restartPolicy: 'Never', containers: [container] } }
  const body = { metadata: { generateName: 'typescript-' }, spec: { backoffLimit: 0, template } }
  const { metadata } = await batch.createNamespacedJob({ namespace, body })
  return metadata?.name ?? ''
}

/** The whole log of the Job's pod, from its first line to its last. */
async function follow(job: string): Promise<string> {
  for (;;) {
    const labelSelector = `job-name=${job}`
    const { items } = await core.listNamespacedPod({ namespace, labelSelector })
    const started = items.find(({ status }) => status?.phase !== 'Pending')
    if (started === undefined) {
      await sleep(500)
      continue
    }
    const log = new PassThrough()
    const name = started.metadata?.name ?? ''
    await new Log(config).log(namespace, name, 'step', log, { follow: true })
    return text(log)
  }
}

interface Status {
  readonly details?: {
    readonly causes?: readonly { readonly reason: string; readonly message: string }[]
  }
}

/** Why, for whom, and under which id, as the refusal says it to programs. */
function explain(error: unknown): string {
  if (!(error instanceof ApiException)) throw error
  const body: unknown = typeof error.body === 'string' ? JSON.parse(error.body) : error.body
  const causes = (body as Status).details?.causes ?? []
  const said = new Map(causes.map(({ reason, message }) => [reason, message]))
  const decision = said.get('LanyardDecision')
  // The API server's own refusal, or a fault; docs/agents.md says which may be tried again.
  if (decision === undefined) throw error
  return `${said.get('LanyardReason')} for ${said.get('LanyardRootRequester')}, decision ${decision}`
}

const { items } = await core.listNamespacedPod({ namespace })
say(
  'pods',
  items
    .map(({ metadata }) => metadata?.name)
    .sort()
    .join(' '),
)
say('log', (await follow(await startJob())).split(/\s+/).join(' ').trim())
try {
  await apps.deleteNamespacedDeployment({ namespace, name: 'shop' })
} catch (error) {
  say('refused', explain(error))
  say('ask', 'may I delete the Deployment shop?')
  process.exitCode = 3
}
