import { INJECTOR_SERVICE } from '../../core/names.ts'
import type { CommandContext } from '../command-context.ts'
import { checkCaBundle } from './certificate-check.ts'
import { type CheckItem, type CheckOutcome, failure, OK, ok } from './check-item.ts'
import type { ListOf, PolicyBinding, WebhookConfiguration } from './cluster-objects.ts'

const ROOT = '/apis/admissionregistration.k8s.io/v1'
const WEBHOOKS = [
  ['mutating', 'mutatingwebhookconfigurations'],
  ['validating', 'validatingwebhookconfigurations'],
] as const

/** Policies of the chart that hold for every caller; keep in step with deploy/chart. */
const ADMISSION_POLICIES = [
  'lanyard-sidecar-is-closed',
  'lanyard-tokens',
  'lanyard-token-secrets',
  'lanyard-pods',
]

/** What stands between a pod and the cluster: webhooks and admission policies. */
export function admissionChecks(
  context: CommandContext,
  readNamespace: () => Promise<string>,
): readonly CheckItem[] {
  const category = 'injector'
  return [
    ...WEBHOOKS.flatMap(([kind, resource]) => {
      const read = async () => readWebhooks(context, resource, await readNamespace())
      return [
        {
          category,
          title: `the ${kind} webhook is there and fails closed`,
          run: async () => checkFailsClosed(await read(), kind),
        },
        {
          category,
          title: `the CA certificate of the ${kind} webhook is valid`,
          run: async () => checkCertificates(await read(), context.now()),
        },
      ]
    }),
    {
      category,
      title: 'the admission policies are bound and deny',
      run: () => checkPolicyBindings(context),
    },
  ]
}

type Webhook = NonNullable<WebhookConfiguration['webhooks']>[number]

/** The webhooks that call the injector, whatever their configuration is called. */
async function readWebhooks(
  { client }: CommandContext,
  resource: string,
  namespace: string,
): Promise<readonly Webhook[]> {
  const { items } = await client.get<ListOf<WebhookConfiguration>>(`${ROOT}/${resource}`)
  return items
    .flatMap(({ webhooks }) => webhooks ?? [])
    .filter(({ clientConfig: { service } }) => {
      return service?.name === INJECTOR_SERVICE && service.namespace === namespace
    })
}

function checkFailsClosed(webhooks: readonly Webhook[], kind: string): CheckOutcome {
  if (webhooks.length === 0) {
    return failure(`no ${kind} webhook calls ${INJECTOR_SERVICE}: pods start without the sidecar`)
  }
  const open = webhooks.filter(({ failurePolicy }) => failurePolicy === 'Ignore')
  return open.length === 0
    ? ok('failurePolicy Fail')
    : failure(
        ...open.map(
          ({ name }) =>
            `${name} has failurePolicy Ignore: when the injector is away, pods start without the sidecar`,
        ),
      )
}

/** The worst of them counts. */
function checkCertificates(webhooks: readonly Webhook[], nowMs: number): CheckOutcome {
  const outcomes = webhooks.map(({ name, clientConfig }) =>
    checkCaBundle(clientConfig.caBundle, name, nowMs),
  )
  return (
    outcomes.find(({ result }) => result === 'error') ??
    outcomes.find(({ result }) => result === 'warning') ??
    outcomes[0] ??
    failure('there is no webhook')
  )
}

async function checkPolicyBindings({ client }: CommandContext): Promise<CheckOutcome> {
  const { items } = await client.get<ListOf<PolicyBinding>>(
    `${ROOT}/validatingadmissionpolicybindings`,
  )
  const denying = items
    .filter(({ spec }) => spec.validationActions?.includes('Deny'))
    .map(({ spec }) => spec.policyName)
  const missing = ADMISSION_POLICIES.filter((name) => !denying.includes(name))
  return missing.length === 0
    ? OK
    : failure(
        ...missing.map((name) => `no binding denies by ValidatingAdmissionPolicy ${name}`),
        'install the chart again: helm upgrade brings them back',
      )
}
