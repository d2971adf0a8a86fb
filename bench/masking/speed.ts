import { CredentialScanner } from '../../core/masking/credentials/credential-scanner.ts'
import type { MaskWords } from '../../core/masking/credentials/mask-words.ts'
import { TextMasker } from '../../core/masking/credentials/text-masker.ts'
import type { MaskName } from '../../core/masking/mask-rules.ts'
import { MASK_KEY_BYTES } from '../../core/masking/mask-token.ts'
import { ObjectMasker } from '../../core/masking/object-masker.ts'
import { Chance, HEX, LOWER } from './chance.ts'

const WORDS: MaskWords = { tokenOf: () => 'lanyard-masked-0', unknown: 'lanyard-masked-1' }
const CHUNK = 64 * 1024
const ROUNDS = 5
const POD_COUNT = 10_000
const LOG_LINES = 200_000

export interface Speed {
  readonly name: string
  readonly megabytes: number
  /** Of one core, in MB/s; the median of five rounds. */
  readonly masked: number
  /** The same bytes copied in the same pieces. */
  readonly copied: number
}

/** How fast text is masked, beside a bare copy of it in the same run. */
export function measureSpeed(): readonly Speed[] {
  return [
    speedOf('logs without credentials', logs(0)),
    speedOf('logs, a credential in each hundredth line', logs(100)),
    speedOf('the list of 10,000 pods as text', podList()),
    speedOfObjects(['env-values']),
    speedOfObjects(['credentials']),
  ]
}

/** The same of the list as what it is: an answer of JSON, each of whose texts is looked at by itself. */
function speedOfObjects(masks: readonly MaskName[]): Speed {
  const bytes = podList()
  const megabytes = bytes.length / 1e6
  const scanner = new CredentialScanner()
  const masked = median(() => {
    const options = { masks, attributes: PODS, isFailure: false, key: KEY, scanner }
    const masker = new ObjectMasker(options)
    return through(bytes, (chunk) => masker.push(chunk)) + masker.end().length
  })
  const copied = median(() => through(bytes, (chunk) => Buffer.from(chunk)))
  const name = `the list of 10,000 pods as objects, ${masks.join()}`
  return { name, megabytes, masked: megabytes / masked, copied: megabytes / copied }
}

const KEY = Buffer.alloc(MASK_KEY_BYTES, 7)
const PODS = {
  ...{ verb: 'list', resourceRequest: true, apiGroup: '', apiVersion: 'v1', resource: 'pods' },
  ...{ subresource: '', namespace: 'team', name: '', path: '', alsoVerbs: [] },
}

function speedOf(name: string, bytes: Buffer): Speed {
  const scanner = new CredentialScanner()
  const megabytes = bytes.length / 1e6
  const masked = median(() => {
    const masker = new TextMasker(scanner, WORDS)
    return through(bytes, (chunk) => masker.push(chunk, 0)) + masker.end().length
  })
  const copied = median(() => through(bytes, (chunk) => Buffer.from(chunk)))
  return { name, megabytes, masked: megabytes / masked, copied: megabytes / copied }
}

function through(bytes: Buffer, pass: (chunk: Buffer) => Buffer): number {
  let written = 0
  for (let at = 0; at < bytes.length; at += CHUNK)
    written += pass(bytes.subarray(at, at + CHUNK)).length
  return written
}

/** Seconds of CPU that a run takes; the first warms up. */
function median(work: () => number): number {
  work()
  const seconds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }).sort((a, b) => a - b)
  return seconds[Math.floor(ROUNDS / 2)] ?? Number.NaN
}

function logs(each: number): Buffer {
  const chance = new Chance('logs')
  const lines = Array.from({ length: LOG_LINES }, (_, at) => {
    const line = `2026-11-28T10:00:00.${at % 1_000}Z INFO request method=GET path=/api/v1/namespaces/team/pods/web-${chance.text(10, HEX)} status=200 duration=${at % 97}ms id=${chance.uuid()}`
    return each > 0 && at % each === 0 ? `${line} password=k${chance.text(12, HEX)}` : line
  })
  return Buffer.from(`${lines.join('\n')}\n`)
}

/** A list of 10,000 pods as the API server writes it. */
export function podList(): Buffer {
  const chance = new Chance('pods')
  const items = Array.from({ length: POD_COUNT }, () => pod(chance))
  return Buffer.from(
    JSON.stringify({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '1' },
      items,
    }),
  )
}

/** A pod as kube-apiserver lists one, a token of its service account projected. */
function pod(chance: Chance): object {
  const image = `registry.example/team/web@sha256:${chance.text(64, HEX)}`
  return { metadata: metadataOf(chance), spec: specOf(image), status: statusOf(image, chance) }
}

function metadataOf(chance: Chance): object {
  const fields = {
    'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {} } } },
  }
  return {
    name: `web-${chance.text(10, HEX)}-${chance.text(5, LOWER)}`,
    ...{ namespace: 'team', uid: chance.uuid(), resourceVersion: '123456' },
    labels: { app: 'web', 'pod-template-hash': chance.text(10, HEX) },
    managedFields: [
      { manager: 'kubelet', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: fields },
    ],
  }
}

function specOf(image: string): object {
  const volume = 'kube-api-access-x7k2p'
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  ]
  const env = [
    { name: 'LOG_LEVEL', value: 'info' },
    { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'web-db', key: 'password' } } },
  ]
  const container = {
    ...{ name: 'web', image, env, imagePullPolicy: 'IfNotPresent' },
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [{ name: volume, readOnly: true, mountPath }],
    terminationMessagePath: '/dev/termination-log',
  }
  return {
    containers: [container],
    volumes: [{ name: volume, projected: { sources, defaultMode: 420 } }],
    ...{ serviceAccountName: 'web', nodeName: 'node-1', imagePullSecrets: [{ name: 'registry' }] },
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
  }
}

function statusOf(image: string, chance: Chance): object {
  const at = '2026-11-28T10:00:00Z'
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    ...{ type, status: 'True', lastProbeTime: null, lastTransitionTime: at },
  }))
  const container = {
    ...{ name: 'web', ready: true, restartCount: 0, image, imageID: image },
    containerID: `containerd://${chance.text(64, HEX)}`,
    state: { running: { startedAt: at } },
  }
  const podIP = `10.0.${chance.number(0, 255)}.${chance.number(0, 255)}`
  return { phase: 'Running', conditions, podIP, startTime: at, containerStatuses: [container] }
}
