import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:https'
import { z } from 'zod'
import { ADMISSION_ROOT } from '../core/names.ts'
import { runLoadProgram } from './load-program.ts'

/*
 * The client of the webhook benchmark, a process of its own in the node's network, from where
 * kube-apiserver calls too. Reads what to do as JSON from standard input and writes the times as
 * JSON to standard output.
 */

const admissionPod = z.looseObject({
  metadata: z.record(z.string(), z.unknown()),
  spec: z.record(z.string(), z.unknown()),
})
type AdmissionPod = z.infer<typeof admissionPod>

export const webhookLoadOptions = z.strictObject({
  host: z.string(),
  port: z.int(),
  /** Name in the injector's certificate. */
  serverName: z.string(),
  caPem: z.string(),
  /** What kube-apiserver shows to aggregated APIs. */
  frontProxy: z.strictObject({ cert: z.string(), key: z.string() }),
  namespace: z.string(),
  userInfo: z.record(z.string(), z.unknown()),
  /** The pod as kube-apiserver has it when it calls the mutating webhook. */
  pod: admissionPod,
  warmUps: z.int().nonnegative(),
  pairs: z.int().positive(),
  /** Pods under way at the same time. */
  inFlight: z.int().positive(),
})
type Options = z.infer<typeof webhookLoadOptions>

/** Milliseconds of each pair: to mutate and then to validate one pod. */
export const webhookLoadResult = z.array(
  z.strictObject({ mutateMs: z.number().positive(), validateMs: z.number().positive() }),
)
type Result = z.infer<typeof webhookLoadResult>

const answerShape = z.object({
  response: z.object({
    allowed: z.boolean(),
    patch: z.string().optional(),
    status: z.object({ message: z.string() }).optional(),
  }),
})
const patchShape = z.array(
  z.object({
    op: z.enum(['add', 'replace']),
    path: z.string().regex(/^\/(?:metadata|spec)\/[^/~]+$/),
    value: z.unknown(),
  }),
)

async function main(options: Options): Promise<Result> {
  const { caPem, frontProxy, serverName, warmUps, pairs, inFlight } = options
  // Connections that stay, as kube-apiserver keeps them.
  const tls = { ca: caPem, servername: serverName, ...frontProxy }
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight, ...tls })
  const times: Result = []
  let next = 0
  const admitOneAfterTheOther = async () => {
    while (next < warmUps + pairs) {
      const count = next
      next += 1
      const took = await admit(agent, `bench-${count}`, options)
      if (count >= warmUps) times.push(took)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, admitOneAfterTheOther))
  agent.destroy()
  return times
}

/** Lets one pod through both webhooks; resolves with the milliseconds that each took. */
async function admit(agent: Agent, name: string, options: Options): Promise<Result[number]> {
  const { pod } = options
  const sent = { ...pod, metadata: { ...pod.metadata, name } }
  const mutation = await review(agent, 'mutate', sent, options)
  if (mutation.patch === undefined) throw new Error('The mutating webhook did not change the pod')
  const changed = patched(sent, JSON.parse(Buffer.from(mutation.patch, 'base64').toString()))
  // kube-apiserver gives the pod its uid between the two.
  const created = { ...changed, metadata: { ...changed.metadata, uid: randomUUID() } }
  const validation = await review(agent, 'validate', created, options)
  return { mutateMs: mutation.ms, validateMs: validation.ms }
}

/** The operations that the injector uses: whole fields of `metadata` and `spec`. */
function patched(pod: AdmissionPod, patch: unknown): AdmissionPod {
  const result = structuredClone(pod)
  for (const { path, value } of patchShape.parse(patch)) {
    const [, part, field = ''] = path.split('/')
    result[part === 'spec' ? 'spec' : 'metadata'][field] = value
  }
  return result
}

interface Reviewed {
  readonly ms: number
  readonly patch: string | undefined
}

async function review(
  agent: Agent,
  webhook: 'mutate' | 'validate',
  object: AdmissionPod,
  options: Options,
): Promise<Reviewed> {
  const { namespace, userInfo } = options
  const kind = { group: '', version: 'v1', kind: 'Pod' }
  const resource = { group: '', version: 'v1', resource: 'pods' }
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: object.metadata['name'],
      namespace,
      operation: 'CREATE',
      userInfo,
      object,
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  })
  const began = performance.now()
  const text = await post(agent, `${ADMISSION_ROOT}/${webhook}`, body, options)
  const ms = performance.now() - began
  const { response } = answerShape.parse(JSON.parse(text))
  if (!response.allowed) throw new Error(`${webhook} refused the pod: ${response.status?.message}`)
  return { ms, patch: response.patch }
}

function post(agent: Agent, path: string, body: string, options: Options): Promise<string> {
  const { host, port } = options
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-remote-user': 'system:apiserver',
  }
  return new Promise((resolve, reject) => {
    const call = request({ agent, host, port, path, method: 'POST', headers, timeout: 10_000 })
    call.once('timeout', () => call.destroy(new Error(`${path} did not answer within 10 s`)))
    call.once('error', reject)
    call.once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => resolve(Buffer.concat(chunks).toString()))
    })
    call.end(body)
  })
}

if (import.meta.main) await runLoadProgram(webhookLoadOptions, main)
