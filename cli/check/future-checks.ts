import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import { Fault } from '../../core/fault.ts'
import { INJECTOR_SERVICE, SIDECAR_CONTAINER, SYSTEM_NAMESPACE } from '../../core/names.ts'
import { once } from '../../core/once.ts'
import type { Pod } from '../../core/pods/pod.ts'
import { DEFAULT_AMOUNTS, type SidecarAmounts } from '../../core/pods/sidecar-resources.ts'
import type { CommandContext } from '../command/command-context.ts'
import type { CheckItem } from './check-item.ts'
import type { ListOf } from './cluster-objects.ts'
import { type PodTemplates, readTemplates } from './read-templates.ts'
import { checkResources, type LimitRangeObject, type QuotaObject } from './resource-checks.ts'
import { checkSettings } from './setting-checks.ts'
import { checkOtherWebhooks, type MutatingConfiguration } from './webhook-checks.ts'
import { checkWorkloads } from './workload-checks.ts'

const CATEGORY = 'data-plane'
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

type Client = Pick<KubernetesClient, 'get'>

/** A namespace that Lanyard looks after, or that somebody thinks of opting in. */
export interface LookedAtNamespace {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly optedIn: boolean
}

interface Installation {
  readonly amounts: SidecarAmounts
  readonly apiAudiences: readonly string[]
}

/** What will not go on running in a namespace once Lanyard is on, and what needs a setting. */
export function futureChecks(
  { client }: Pick<CommandContext, 'client'>,
  namespaces: readonly LookedAtNamespace[],
): readonly CheckItem[] {
  const readInstallation = once(() => installationOf(client))
  const readWebhooks = once(() => client.get<ListOf<MutatingConfiguration>>(WEBHOOKS))
  return namespaces.flatMap((namespace) => {
    const { name, labels, optedIn } = namespace
    const read = once(() => readTemplates(client, name))
    return [
      {
        category: CATEGORY,
        title: `every workload of namespace ${name} can be protected`,
        run: async () => {
          const { apiAudiences } = await readInstallation()
          return checkWorkloads(await read(), optedIn, apiAudiences)
        },
      },
      {
        category: CATEGORY,
        title: `sidecars fit the LimitRanges and quotas of namespace ${name}`,
        run: async () => resourcesOf(client, namespace, await read(), await readInstallation()),
      },
      {
        category: CATEGORY,
        title: `no other webhook changes sidecars of namespace ${name}`,
        run: async () => checkOtherWebhooks((await readWebhooks()).items, name, labels),
      },
      {
        category: CATEGORY,
        title: `workloads of namespace ${name} need no setting`,
        run: async () => checkSettings(await read(), keysReader(client, name)),
      },
    ]
  })
}

async function resourcesOf(
  client: Client,
  { name, annotations, optedIn }: LookedAtNamespace,
  { templates }: PodTemplates,
  { amounts }: Installation,
) {
  const path = `/api/v1/namespaces/${encodeURIComponent(name)}`
  const [ranges, quotas, pods] = await Promise.all([
    client.get<ListOf<LimitRangeObject>>(`${path}/limitranges`),
    client.get<ListOf<QuotaObject>>(`${path}/resourcequotas`),
    client.get<ListOf<Pod & { readonly status?: { readonly phase?: string } }>>(`${path}/pods`),
  ])
  const running = pods.items.filter(
    ({ spec, status }) =>
      !['Succeeded', 'Failed'].includes(status?.phase ?? '') &&
      !(spec.initContainers ?? []).some((container) => container.name === SIDECAR_CONTAINER),
  )
  const rules = { annotations, limitRanges: ranges.items, quotas: quotas.items }
  return checkResources(rules, templates, running, amounts, optedIn)
}

interface InjectorObject {
  readonly spec: {
    readonly template?: {
      readonly spec: {
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[]
        }[]
      }
    }
  }
}

/** As the injector is told; the chart's defaults where the user may not look. */
async function installationOf(client: Client): Promise<Installation> {
  const path = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}/deployments/${INJECTOR_SERVICE}`
  const injector = await readable(client.get<InjectorObject>(path))
  const env = (injector?.spec.template?.spec.containers ?? []).flatMap((one) => one.env ?? [])
  const told = (name: string) => env.find((one) => one.name === `LANYARD_${name}`)?.value
  const amounts = Object.fromEntries(
    Object.entries(DEFAULT_AMOUNTS).map(([field, usual]) => [
      field,
      told(`SIDECAR_${field.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`) ?? usual,
    ]),
  ) as unknown as SidecarAmounts
  const issuer = await readable(
    client.get<{ readonly issuer?: string }>('/.well-known/openid-configuration'),
  )
  // kube-apiserver takes its issuer for its audience where it is told none (--api-audiences, v1.34).
  const audiences = [...(told('API_AUDIENCES') ?? '').split(','), issuer?.issuer ?? '']
  return { amounts, apiAudiences: audiences.filter((audience) => audience !== '') }
}

function keysReader(client: Client, namespace: string) {
  return async function keysOf(configMap: string): Promise<readonly string[] | undefined> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(configMap)}`
    const read = await readable(client.get<{ readonly data?: Record<string, string> }>(path))
    return read === undefined ? undefined : Object.keys(read.data ?? {})
  }
}

/** Undefined where the user may not look or nothing is there; the checks before say so. */
async function readable<Body>(reading: Promise<Body>): Promise<Body | undefined> {
  try {
    return await reading
  } catch (error) {
    // Converted: a check does without it.
    if (['permission_denied', 'not_found'].includes(Fault.from(error).code)) return undefined
    throw error
  }
}
