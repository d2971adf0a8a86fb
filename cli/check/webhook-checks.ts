import { ADMISSION_ROOT } from '../../core/names.ts'
import { type CheckOutcome, OK, warning } from './check-item.ts'

/** The configuration's name in the chart. kube-apiserver calls configurations in the order of names. */
const OURS = 'lanyard-injector'
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name'

export interface MutatingConfiguration {
  readonly metadata: { readonly name: string }
  readonly webhooks?: readonly MutatingWebhook[]
}

interface MutatingWebhook {
  readonly name: string
  readonly reinvocationPolicy?: string
  readonly clientConfig?: {
    readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string }
  }
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly operations?: readonly string[]
  }[]
  readonly namespaceSelector?: Selector
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

/** By the name of the configuration, the webhook or its Service; keep in step with docs/webhooks.md. */
const KNOWN: readonly { readonly name: RegExp; readonly remedy: string | undefined }[] = [
  {
    name: /opentelemetry/i,
    remedy:
      'its NODE_OPTIONS must not reach the sidecar: annotate pods with instrumentation.opentelemetry.io/container-names',
  },
  {
    name: /datadog/i,
    remedy:
      'its LD_PRELOAD must not reach the sidecar: label pods admission.datadoghq.com/enabled: "false"',
  },
  {
    name: /kyverno|gatekeeper/i,
    remedy:
      'leave the container lanyard-sidecar out of policies that write environment or loosen the security context',
  },
  {
    name: /istio|linkerd|dapr|jaeger|spiffe|spire|vault|pod-identity|azure-wi|workload-identity|gke-|eks/i,
    remedy: undefined,
  },
]

/**
 * Whether another mutating webhook that sees pods of a namespace, with these labels, also sees the
 * sidecar: it is called after Lanyard's, or again since the pod was changed. A warning with what to do.
 */
export function checkOtherWebhooks(
  configurations: readonly MutatingConfiguration[],
  namespace: string,
  labels: Readonly<Record<string, string>>,
): CheckOutcome {
  const all = { ...labels, [NAMESPACE_NAME_LABEL]: namespace }
  const lines = configurations.flatMap(({ metadata: { name }, webhooks = [] }) => {
    const seeing = webhooks.find(
      (webhook) =>
        !isOurs(webhook) &&
        changesPods(webhook) &&
        selects(webhook.namespaceSelector, all) &&
        (name > OURS || webhook.reinvocationPolicy === 'IfNeeded'),
    )
    return seeing === undefined ? [] : whatToDo(name, seeing)
  })
  if (lines.length === 0) return OK
  return warning(
    ...lines,
    `or give each a name before ${OURS} and reinvocationPolicy Never, so that Lanyard runs last (docs/webhooks.md)`,
  )
}

function whatToDo(name: string, webhook: MutatingWebhook): readonly string[] {
  const service = webhook.clientConfig?.service?.name ?? ''
  const known = KNOWN.find((one) =>
    [name, webhook.name, service].some((text) => one.name.test(text)),
  )
  if (known !== undefined && known.remedy === undefined) return []
  const remedy =
    known?.remedy ?? 'where pods are refused, let it leave out the container lanyard-sidecar'
  return [`MutatingWebhookConfiguration ${name} changes pods after Lanyard: ${remedy}`]
}

function isOurs({ clientConfig }: MutatingWebhook): boolean {
  const { name, namespace, path = '' } = clientConfig?.service ?? {}
  return name === 'kubernetes' && namespace === 'default' && path.startsWith(`${ADMISSION_ROOT}/`)
}

function changesPods({ rules = [] }: MutatingWebhook): boolean {
  return rules.some(
    ({ apiGroups = [], resources = [], operations = [] }) =>
      apiGroups.some((group) => group === '' || group === '*') &&
      resources.some((resource) => ['pods', '*', '*/*'].includes(resource)) &&
      operations.some((operation) => operation === 'CREATE' || operation === '*'),
  )
}

/** As apimachinery's LabelSelectorAsSelector (v1.34); an operator that is not known selects. */
function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector = {},
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
        default:
          return true
      }
    })
  )
}
