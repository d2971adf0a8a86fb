import type { Container, Pod } from '../../core/pods/pod.ts'

/** Somebody whose webhook changes pods, how to know the work, and what to do when it hurts. */
interface KnownWebhook {
  readonly who: string
  /** Names of variables, volumes, containers and annotations that it leaves, as a whole or their beginning. */
  readonly leaves: RegExp
  /** What keeps it away from the sidecar, or orders it; ends a sentence. */
  readonly remedy: string
}

const BY_NAME = 'give its MutatingWebhookConfiguration a name before lanyard-injector'

/**
 * What the well-known ones leave behind. Neither another webhook's audit annotations nor managedFields
 * say at admission who changed a pod, so it is told by the marks, and said as a guess.
 */
const KNOWN: readonly KnownWebhook[] = [
  {
    who: 'Amazon EKS (IRSA or Pod Identity)',
    leaves: /^AWS_|^aws-iam-token$|^eks-pod-identity-token$|^eks\.amazonaws\.com\//,
    remedy:
      'annotate the pod with eks.amazonaws.com/skip-containers: lanyard-sidecar (Pod Identity has no such switch and needs none)',
  },
  {
    who: 'Azure workload identity',
    leaves: /^AZURE_|^azure-identity-token$|^azure\.workload\.identity\//,
    remedy: 'annotate the pod with azure.workload.identity/skip-containers: lanyard-sidecar',
  },
  {
    who: 'Google workload identity federation',
    leaves: /^GOOGLE_APPLICATION_CREDENTIALS$|^gcp-ksa$|^gke-workload-identity/,
    remedy: BY_NAME,
  },
  {
    who: 'Istio',
    leaves: /^istio-|^ISTIO_|^PILOT_|\.istio\.io\//,
    remedy: BY_NAME,
  },
  { who: 'Linkerd', leaves: /^linkerd-|^LINKERD2?_|^(?:.*\.)?linkerd\.io\//, remedy: BY_NAME },
  {
    who: 'the Vault agent injector',
    leaves: /^vault-agent|^VAULT_|^home-sidecar$|^vault\.hashicorp\.com\//,
    remedy:
      'annotate the pod with vault.hashicorp.com/agent-inject-containers naming the app container',
  },
  {
    who: 'Datadog',
    leaves: /^DD_|^datadog-|^admission\.datadoghq\.com\//,
    remedy:
      'label the pod admission.datadoghq.com/enabled: "false", or let library injection target single workloads',
  },
  {
    who: 'the OpenTelemetry operator',
    leaves: /^OTEL_|^opentelemetry-auto-instrumentation|^instrumentation\.opentelemetry\.io\//,
    remedy:
      'annotate the pod with instrumentation.opentelemetry.io/container-names naming the app containers',
  },
  {
    who: 'Dapr',
    leaves: /^dapr|^DAPR_|^dapr\.io\//,
    remedy: BY_NAME,
  },
  {
    who: 'Kyverno',
    leaves: /^policies\.kyverno\.io\/|^kyverno\.io\//,
    remedy: 'exclude the container lanyard-sidecar in the policy by a precondition on its name',
  },
  {
    who: 'Gatekeeper',
    leaves: /^gatekeeper\.sh\//,
    remedy:
      'let the Assign leave out the container lanyard-sidecar: location spec.containers[name:*], not initContainers',
  },
  {
    who: 'Jaeger',
    leaves: /^JAEGER_|^jaeger-agent$|^sidecar\.jaegertracing\.io\//,
    remedy: BY_NAME,
  },
  {
    who: 'SPIFFE (SPIRE or its CSI driver)',
    leaves: /^SPIFFE_|^spiffe-|^spire-/,
    remedy: BY_NAME,
  },
  { who: 'k8tz', leaves: /^k8tz|^TZ$/, remedy: BY_NAME },
]

/** Whose work a change looks like, and what to do about it; undefined when nothing tells. */
export function guessWebhook(
  pod: Pod,
  container: Container | undefined,
): { readonly who: string; readonly remedy: string } | undefined {
  const nearest = container === undefined ? [] : namesOf(container)
  return find(nearest) ?? find(Object.keys(pod.metadata.annotations ?? {})) ?? find(allNames(pod))
}

function find(names: readonly string[]): KnownWebhook | undefined {
  return KNOWN.find(({ leaves }) => names.some((name) => leaves.test(name)))
}

function namesOf({ name, env, volumeMounts }: Container): readonly string[] {
  return [...[...(env ?? []), ...(volumeMounts ?? [])].map((one) => one.name), name]
}

function allNames({ spec }: Pod): readonly string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  return [...(spec.volumes ?? []).map(({ name }) => name), ...containers.flatMap(namesOf)]
}
