/* An agent that deletes the Deployment notes once a person has approved it. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiException, AppsV1Api, KubeConfig, setHeaderOptions } from '@kubernetes/client-node'

const GIVE_UP_AFTER_MS = 600_000

const config = new KubeConfig()
config.loadFromCluster()
const namespace = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8')
const apps = config.makeApiClient(AppsV1Api)

const say = (step: string, what: string): void => console.log(`${step}: ${what}`)

interface Status {
  readonly message?: string
  readonly details?: {
    readonly causes?: readonly { readonly reason: string; readonly field: string }[]
    readonly retryAfterSeconds?: number
  }
}

/** What the refusal says. Throws the error when it is no Status. */
function statusOf(error: unknown): Status {
  if (!(error instanceof ApiException)) throw error
  return (typeof error.body === 'string' ? JSON.parse(error.body) : error.body) as Status
}

const causeOf = ({ details }: Status, wanted: string) =>
  (details?.causes ?? []).find(({ reason }) => reason === wanted)

/** Sends the same request until it is answered by more than a hold. Throws what the last answer was. */
async function onceApproved<Answer>(send: () => Promise<Answer>): Promise<Answer> {
  const endsAt = performance.now() + GIVE_UP_AFTER_MS
  let held = ''
  for (;;) {
    try {
      return await send()
    } catch (error) {
      const status = statusOf(error)
      const request = causeOf(status, 'ApprovalRequired')?.field
      if (request === undefined || performance.now() > endsAt) throw error
      if (request !== held) say('held', request)
      held = request
      await sleep((status.details?.retryAfterSeconds ?? 15) * 1_000)
    }
  }
}

/** Approvers read why; and the agent waits by itself, so that nothing that calls it runs out of time. */
const headers = setHeaderOptions(
  'Lanyard-Wait',
  '0',
  setHeaderOptions('Lanyard-Reason', 'the notes are out of date'),
)

try {
  await onceApproved(() => apps.deleteNamespacedDeployment({ namespace, name: 'notes' }, headers))
  say('done', 'the notes are deleted')
} catch (error) {
  const status = statusOf(error)
  const isAnswer = ['ApprovalRequired', 'ApprovalRefused'].some((word) => causeOf(status, word))
  if (!isAnswer) throw error
  say('refused', status.message ?? '')
  process.exitCode = 3
}
