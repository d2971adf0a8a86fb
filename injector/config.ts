import { z } from 'zod'
import { formatQuantity, parseQuantity } from '../core/pods/quantity.ts'
import {
  CONTROL_PLANE_TOKEN_PATH,
  SERVICE_ACCOUNT_PATH,
  TOKEN_FILE,
} from '../core/pods/sidecar-contract.ts'
import { DEFAULT_AMOUNTS } from '../core/pods/sidecar-resources.ts'
import { NEUTRAL_KEYS } from '../core/templates/neutral-keys.ts'
import { boolean, integer } from '../platform/config.ts'
import type { ImageMirror } from './injection/sidecar-container.ts'

/**
 * A quantity of Kubernetes in the one spelling in which kube-apiserver stores it: a validated pod is
 * compared with what the injector would write.
 */
function quantity() {
  return z.string().transform((text, context) => {
    const parsed = parseQuantity(text)
    if (parsed !== undefined) return formatQuantity(parsed)
    context.addIssue('want a quantity such as 10m or 64Mi')
    return z.NEVER
  })
}

const MIRRORS = /^(?:[^\s=,]+=[^\s=,]+(?:,[^\s=,]+=[^\s=,]+)*)?$/

/** Settings of the injector; each is a flag, an environment name with LANYARD_, or a file key. */
export const injectorConfig = z.strictObject({
  listenPortNumber: integer({ min: 1_024, max: 65_535 })
    .default(9_443)
    .describe('Port of the webhooks, TLS'),
  healthPortNumber: integer({ min: 1_024, max: 65_535 })
    .default(8_080)
    .describe('Port of /livez, /readyz and /metrics, plain HTTP'),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('What is logged'),
  controlPlaneAddress: z
    .string()
    .min(3)
    .default('lanyard-control-plane.lanyard-system.svc:8443')
    .describe('host:port of the control plane, for the injector and for sidecars'),
  controlPlaneTokenFile: z
    .string()
    .min(1)
    .default(`${CONTROL_PLANE_TOKEN_PATH}/${TOKEN_FILE}`)
    .describe('Projected token with the audience lanyard-control-plane'),
  serviceAccountFolder: z
    .string()
    .min(1)
    .default(SERVICE_ACCOUNT_PATH)
    .describe(
      "Folder of the service account token and the authority with which the injector reads the certificate of Lanyard's own authority",
    ),
  drainWaitMs: integer({ min: 0, max: 15_000 })
    .default(3_000)
    .describe(
      'Milliseconds for which the webhooks still answer after SIGTERM, since new requests come for a while',
    ),
  sidecarImage: z.string().min(1).describe('Image of the sidecar, best with a digest'),
  sidecarImagePullPolicy: z
    .enum(['IfNotPresent', 'Always', 'Never'])
    .default('IfNotPresent')
    .describe('When the kubelet pulls the image of the sidecar'),
  sidecarLogLevel: z
    .enum(['error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('What a sidecar logs'),
  sidecarReadAhead: boolean()
    .default(true)
    .describe(
      'Have sidecars send a get or list that was lately allowed while its decision is asked for; its answer is held back until then',
    ),
  sidecarShareWatches: boolean()
    .default(true)
    .describe(
      'Have the watches of a pod share connections to the API server, over HTTP/2 where the API server offers it',
    ),
  sidecarServiceName: boolean()
    .default(true)
    .describe(
      'Lead kubernetes.default.svc to the sidecar, in pods that use neither the name nor port 443 themselves',
    ),
  sidecarCpuRequest: quantity()
    .default(DEFAULT_AMOUNTS.cpuRequest)
    .describe('CPU request of a sidecar'),
  sidecarCpuLimit: z
    .union([z.literal(''), quantity()])
    .default(DEFAULT_AMOUNTS.cpuLimit)
    .describe(
      'CPU limit of a sidecar; empty means none, unless a quota, a LimitRange or the class asks for one',
    ),
  sidecarMemoryRequest: quantity()
    .default(DEFAULT_AMOUNTS.memoryRequest)
    .describe('Memory request of a sidecar'),
  sidecarMemoryLimit: quantity()
    .default(DEFAULT_AMOUNTS.memoryLimit)
    .describe(
      'Memory limit of a sidecar: enough for 1,000 watches in a burst. With less memory a sidecar takes fewer requests at the same time',
    ),
  sidecarCpuLimitMin: quantity()
    .default(DEFAULT_AMOUNTS.cpuLimitMin)
    .describe('The least CPU limit of a sidecar, whatever an annotation or a LimitRange asks for'),
  sidecarMemoryLimitMin: quantity()
    .default(DEFAULT_AMOUNTS.memoryLimitMin)
    .describe(
      'The least memory limit of a sidecar, whatever an annotation or a LimitRange asks for',
    ),
  sidecarCpuMax: quantity()
    .default(DEFAULT_AMOUNTS.cpuMax)
    .describe('The most CPU that an annotation may ask for'),
  sidecarMemoryMax: quantity()
    .default(DEFAULT_AMOUNTS.memoryMax)
    .describe('The most memory that an annotation may ask for'),
  sidecarImageMirrors: z
    .string()
    .regex(MIRRORS, { error: 'want from=to, comma-separated' })
    .default('')
    .describe(
      "Prefixes of the sidecar's image and what another webhook may put in their place, as from=to, comma-separated",
    ),
  apiServerUrl: z
    .union([z.literal(''), z.url({ protocol: /^https$/ })])
    .default('')
    .describe(
      "Where sidecars find the API server; empty means the injector's own KUBERNETES_SERVICE_HOST and _PORT",
    ),
  apiAudiences: z
    .string()
    .default('')
    .describe('Audiences of the API server besides those of its own tokens, comma-separated'),
  visitFailurePolicy: z
    .enum(['Fail', 'Ignore'])
    .default('Fail')
    .describe(
      'What happens to exec, attach and port-forward by people while they cannot be recorded: `Fail` refuses them, `Ignore` lets them pass and logs the person',
    ),
  neutralKeys: z
    .string()
    .default(NEUTRAL_KEYS.join(','))
    .describe(
      'Annotations and labels of a pod template that choose no code, comma-separated; `PREFIX/*` is every key of a prefix',
    ),
})

export type InjectorConfig = Readonly<z.infer<typeof injectorConfig>>

/** The mirrors of the sidecar's image, as prefixes. */
export function imageMirrors({
  sidecarImageMirrors,
}: Pick<InjectorConfig, 'sidecarImageMirrors'>): readonly ImageMirror[] {
  if (sidecarImageMirrors === '') return []
  return sidecarImageMirrors.split(',').map((rule) => {
    const [from = '', to = ''] = rule.split('=')
    return { from, to }
  })
}
