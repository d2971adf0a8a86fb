import * as z from 'zod'
import { isDnsLabel, isDnsSubdomain } from '../core/kubernetes/dns-names.ts'
import {
  API_TOKEN_PATH,
  AUTHORITY_FILE,
  CONTROL_PLANE_TOKEN_PATH,
  HEALTH_PORT,
  PROXY_PORT,
  RUN_PATH,
  TOKEN_FILE,
} from '../core/pods/sidecar-contract.ts'
import { boolean, integer } from '../platform/config.ts'
import { DRAIN_MS_MAX } from '../platform/lifecycle.ts'

/** Kubernetes sets no limit on containers; a pod with more than this one would not be scheduled. */
const CONTAINERS_MAX = 256

/**
 * Ports end in `Number`, since Kubernetes sets `<SERVICE>_PORT` for every Service of the namespace:
 * a Service named `lanyard-listen` would otherwise change where the sidecar listens.
 */
export const sidecarConfig = z.strictObject({
  controlPlaneAddress: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, { error: 'want host:port' })
    .describe('`host:port` of the control plane'),
  controlPlaneName: z
    .union([z.literal(''), z.string().refine(isDnsSubdomain, { error: 'want a DNS name' })])
    .default('')
    .describe(
      "Name that the control plane's certificate must hold; empty means the host of `controlPlaneAddress`. With a name here the address may be an IP, which the pod's own DNS settings cannot change",
    ),
  controlPlaneCa: z
    .string()
    .includes('-----BEGIN CERTIFICATE-----', {
      error: 'want certificates in PEM',
    })
    .describe("Certificates (PEM) that the control plane's own certificate must lead to"),
  containers: z
    .string()
    .transform(parseContainers)
    .describe('Containers to serve, separated by commas: each gets its own token'),
  podNamespace: z
    .string()
    .min(1)
    .describe(
      'Namespace of the pod; the containers read it in the file `namespace` of their service account folder',
    ),
  upstreamUrl: z
    .union([z.literal(''), z.url({ protocol: /^https$/ })])
    .default('')
    .describe('Where the API server is; empty means KUBERNETES_SERVICE_HOST and _PORT'),
  apiTokenFile: z
    .string()
    .min(1)
    .default(`${API_TOKEN_PATH}/${TOKEN_FILE}`)
    .describe("File with the pod's real credential; only the sidecar mounts it"),
  apiCa: z
    .union([
      z.literal(''),
      z.string().includes('-----BEGIN CERTIFICATE-----', { error: 'want certificates in PEM' }),
    ])
    .default('')
    .describe(
      "Certificates (PEM) that the API server's own certificate must lead to; empty means those of `apiCaFile`",
    ),
  apiCaFile: z
    .string()
    .min(1)
    .default(`${API_TOKEN_PATH}/${AUTHORITY_FILE}`)
    .describe(
      'File with such certificates, read again when it changes. Nobody but the sidecar may choose what is in it',
    ),
  controlPlaneTokenFile: z
    .string()
    .min(1)
    .default(`${CONTROL_PLANE_TOKEN_PATH}/${TOKEN_FILE}`)
    .describe('File with the pod-bound token with which the sidecar enrols'),
  stateDirectory: z
    .string()
    .min(1)
    .default(RUN_PATH)
    .describe(
      'In-memory volume: `containers/<name>` for each container, `private` for the sidecar alone',
    ),
  listenPortNumber: integer({ min: 0, max: 65_535 })
    .default(PROXY_PORT)
    .describe('Port where callers connect, over loopback only; 0 lets the system choose'),
  serviceNameAddress: z
    .union([
      z.literal(''),
      z.string().regex(/^127(?:\.\d{1,3}){3}:\d{1,5}$/, {
        error: 'want an address of loopback and a port',
      }),
    ])
    .default('')
    .describe(
      'Address of loopback and port, `address:port`, for callers that call the API server by its name; empty means none. A sidecar that cannot listen there serves the other callers',
    ),
  healthPortNumber: integer({ min: 0, max: 65_535 })
    .default(HEALTH_PORT)
    .describe(
      'Port of health and metrics, for the kubelet and for Prometheus; 0 lets the system choose',
    ),
  healthHost: z
    .string()
    .default('')
    .describe("Address that health and metrics are served on; empty means all of the pod's"),
  decisionTimeoutMs: integer({ min: 10, max: 120_000 })
    .default(5_000)
    .describe(
      'Milliseconds that a decision may take before the request is refused. A decision usually takes about one',
    ),
  reconnectWaitMs: integer({ min: 0, max: 60_000 })
    .default(1_000)
    .describe(
      'Milliseconds that a request waits while the connection to the control plane is made again',
    ),
  keepaliveMs: integer({ min: 200, max: 60_000 })
    .default(5_000)
    .describe(
      'Milliseconds of silence after which the control plane is asked whether it is there, and that it has for its answer',
    ),
  waitingRequestsMax: integer({ min: 1, max: 65_536 })
    .default(512)
    .describe(
      'How many requests may wait for a decision; a further request is refused. Each holds about 10 kB, so all of them together stay below the memory limit',
    ),
  openRequestsMax: integer({ min: 1, max: 65_536 })
    .default(1_024)
    .describe(
      'How many requests may be open, watches included; a further request is refused. Fewer where the memory limit holds fewer: one for each 784 KiB above 64 MiB, and never fewer than 32',
    ),
  memoryLimitBytes: integer({ min: 0, max: 2 ** 46 })
    .default(0)
    .describe('Bytes of memory that the sidecar may have; 0 means what its control group says'),
  readAhead: boolean()
    .default(true)
    .describe(
      'Whether a get or list that was lately allowed is sent to the API server while its decision is asked for. Its answer reaches the caller only after the decision is on record, and is thrown away otherwise. Off, each request waits for its decision before it is sent',
    ),
  shareWatches: boolean()
    .default(true)
    .describe(
      'Whether watches share connections to the API server, over HTTP/2 where the API server offers it. Off, each watch has a connection of its own, and takes twice the memory',
    ),
  requestBodyBytesMax: integer({ min: 1_024, max: 1_073_741_824 })
    .default(16 * 1024 * 1024)
    .describe(
      'Bytes that the body of a request may have; a longer body is refused. The API server itself takes about 3 MiB; only its proxies take more',
    ),
  upstreamHeadersTimeoutMs: integer({ min: 100, max: 3_600_000 })
    .default(75_000)
    .describe(
      "Milliseconds that the API server has to begin its answer; watches and tunnels are exempt. The API server's own limit is 60 s by default",
    ),
  fileCheckMs: integer({ min: 20, max: 60_000 })
    .default(2_000)
    .describe(
      'Milliseconds between two looks at the files of tokens and certificates. The kubelet replaces a token minutes before the old token expires',
    ),
  drainMs: integer({ min: 0, max: DRAIN_MS_MAX - 5_000 })
    .default(10_000)
    .describe(
      'Milliseconds that running requests have at SIGTERM, when the app containers have ended already',
    ),
  logLevel: z
    .enum(['error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('What is logged; `platform/logger.ts` says what each level may hold'),
  listenIpv6: boolean().default(true).describe('Serve IPv6 loopback as well, where there is one'),
})

export type SidecarConfig = Readonly<z.infer<typeof sidecarConfig>>

function parseContainers(text: string, context: z.RefinementCtx): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  // The names become names of folders, so nothing else passes.
  const valid =
    names.length <= CONTAINERS_MAX &&
    new Set(names).size === names.length &&
    names.every(isDnsLabel)
  if (!valid) context.addIssue('want distinct container names, separated by commas')
  return names
}
