import * as z from 'zod'
import { Fault } from '../core/fault.ts'
import { boolean, integer } from '../platform/config.ts'
import { DRAIN_MS_MAX } from '../platform/lifecycle.ts'

/** Kubernetes names containers by DNS label; the names become folder names, so nothing else passes. */
const CONTAINER_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/

/** Kubernetes sets no limit on containers; a pod with more than this one would not be scheduled. */
const CONTAINERS_MAX = 256

const SECRETS = '/var/run/secrets/lanyard.dev'

/**
 * Ports end in `Number`, since Kubernetes sets `<SERVICE>_PORT` for every Service of the namespace:
 * a Service named `lanyard-listen` would otherwise change where the sidecar listens.
 */
export const sidecarConfig = z.strictObject({
  /** `host:port` of the control plane. */
  controlPlaneAddress: z.string().regex(/^[^\s/]+:\d{1,5}$/, { error: 'want host:port' }),
  /**
   * Name that the control plane's certificate must hold. The address may then be an IP: a name would
   * be looked up by the pod's own DNS settings. Empty means the host of `controlPlaneAddress`.
   */
  controlPlaneName: z
    .union([z.literal(''), z.string().regex(DNS_NAME, { error: 'want a DNS name' })])
    .default(''),
  /** Certificates (PEM) that the control plane's own certificate must lead to. */
  controlPlaneCa: z.string().includes('-----BEGIN CERTIFICATE-----', {
    error: 'want certificates in PEM',
  }),
  /** Containers to serve, separated by commas: each gets its own token. */
  containers: z.string().transform(parseContainers),
  /** Handed to the containers as the file `namespace` of their service account folder. */
  podNamespace: z.string().min(1),
  /** Where the API server is; empty means KUBERNETES_SERVICE_HOST and _PORT. */
  upstreamUrl: z.union([z.literal(''), z.url({ protocol: /^https$/ })]).default(''),
  /** The pod's real credential; only the sidecar mounts it. */
  apiTokenFile: z.string().min(1).default(`${SECRETS}/api/token`),
  /** Certificates (PEM) that the API server's own certificate must lead to; empty means `apiCaFile`. */
  apiCa: z
    .union([
      z.literal(''),
      z.string().includes('-----BEGIN CERTIFICATE-----', { error: 'want certificates in PEM' }),
    ])
    .default(''),
  /** The same as a file, read again when it changes. Nobody but the sidecar may choose what is in it. */
  apiCaFile: z.string().min(1).default(`${SECRETS}/api/ca.crt`),
  /** Pod-bound token with which the sidecar enrols. */
  controlPlaneTokenFile: z.string().min(1).default(`${SECRETS}/control-plane/token`),
  /** In-memory volume: `containers/<name>` for each container, `private` for the sidecar alone. */
  stateDirectory: z.string().min(1).default('/var/run/lanyard'),
  /** Callers connect here, over loopback only. 0 lets the system choose. */
  listenPortNumber: integer({ min: 0, max: 65_535 }).default(16_443),
  /**
   * Where callers connect that call the API server by its name, over loopback only, `address:port`;
   * empty means nowhere. Where it cannot listen there it serves the others.
   */
  serviceNameAddress: z
    .union([
      z.literal(''),
      z.string().regex(/^127(?:\.\d{1,3}){3}:\d{1,5}$/, {
        error: 'want an address of loopback and a port',
      }),
    ])
    .default(''),
  /** Health and metrics, for the kubelet and for Prometheus. */
  healthPortNumber: integer({ min: 0, max: 65_535 }).default(16_444),
  /** Address that health and metrics are served on; empty means all of the pod's. */
  healthHost: z.string().default(''),
  /** A decision takes about a millisecond; past this the control plane is not well. */
  decisionTimeoutMs: integer({ min: 10, max: 120_000 }).default(5_000),
  /** How long a request waits for a connection to the control plane that is being made again. */
  reconnectWaitMs: integer({ min: 0, max: 60_000 }).default(1_000),
  /** Silence after which the control plane is asked whether it is there, and how long it has. */
  keepaliveMs: integer({ min: 200, max: 60_000 }).default(5_000),
  /** Each waiting request holds about 10 kB, so all of them stay below the memory limit. */
  waitingRequestsMax: integer({ min: 1, max: 65_536 }).default(512),
  /**
   * Watches included. Fewer where the memory limit holds fewer: one for each 784 KiB above 64 MiB, and
   * never fewer than 32.
   */
  openRequestsMax: integer({ min: 1, max: 65_536 }).default(1_024),
  /** Memory that the sidecar may have; 0 means what its control group says. */
  memoryLimitBytes: integer({ min: 0, max: 2 ** 46 }).default(0),
  /** The API server itself takes about 3 MiB; only its proxies take more. */
  requestBodyBytesMax: integer({ min: 1_024, max: 1_073_741_824 }).default(16 * 1024 * 1024),
  /** The API server answers within 60 s by default; watches and tunnels are exempt. */
  upstreamHeadersTimeoutMs: integer({ min: 100, max: 3_600_000 }).default(75_000),
  /** Projected volumes change by a swapped link; the old token stays valid for minutes. */
  fileCheckMs: integer({ min: 20, max: 60_000 }).default(2_000),
  /** Time for running requests at SIGTERM, when the app containers have ended already. */
  drainMs: integer({ min: 0, max: DRAIN_MS_MAX - 5_000 }).default(10_000),
  /** What is logged; platform/logger.ts says what each level may hold. */
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  /** Serve IPv6 loopback as well, where there is one. */
  listenIpv6: boolean().default(true),
})

export type SidecarConfig = Readonly<z.infer<typeof sidecarConfig>>

function parseContainers(text: string, context: z.RefinementCtx): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  const valid =
    names.length <= CONTAINERS_MAX &&
    new Set(names).size === names.length &&
    names.every((name) => CONTAINER_NAME.test(name))
  if (!valid) context.addIssue('want distinct container names, separated by commas')
  return names
}

/** The API server's origin. Throws `config_invalid` when nothing names one. */
export function upstreamOrigin(
  config: Pick<SidecarConfig, 'upstreamUrl'>,
  env: Readonly<Record<string, string | undefined>>,
): URL {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = env['KUBERNETES_SERVICE_PORT'] ?? ''
  const text = config.upstreamUrl || `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.hostname === '') {
    throw new Fault(
      'config_invalid',
      'Cannot start: set upstreamUrl, or KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT',
    )
  }
  return url
}
