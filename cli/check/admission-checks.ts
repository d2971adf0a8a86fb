import {
  ADMISSION_GROUP,
  ADMISSION_ROOT,
  ADMISSION_VERSION,
  INJECTOR_SERVICE,
} from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { checkCaBundle } from './certificate-check.ts'
import { type CheckItem, type CheckOutcome, failure, OK, ok, warning } from './check-item.ts'
import type {
  ApiServiceObject,
  ListOf,
  PolicyBinding,
  WebhookConfiguration,
} from './cluster-objects.ts'

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
  'lanyard-resize',
  'lanyard-bindings',
  'lanyard-controller-revisions',
  'lanyard-chain-revocations',
]

const APISERVICE = `${ADMISSION_VERSION}.${ADMISSION_GROUP}`

/** What stands between a pod and the cluster: webhooks and admission policies. */
export function admissionChecks(context: CommandContext): readonly CheckItem[] {
  const category = 'injector'
  return [
    {
      category,
      title: `APIService ${APISERVICE}, which the webhooks are behind, is available`,
      run: () => checkApiService(context),
    },
    ...WEBHOOKS.map(([kind, resource]) => ({
      category,
      title: `the ${kind} webhook is there and fails closed`,
      run: async () => checkFailsClosed(await readWebhooks(context, resource), kind),
    })),
    {
      category,
      title: 'the admission policies are bound and deny',
      run: () => checkPolicyBindings(context),
    },
  ]
}

type Webhook = NonNullable<WebhookConfiguration['webhooks']>[number]

/**
 * The webhooks that call the injector, whatever their configuration is called: through kube-apiserver
 * itself, since it proves itself to the injector in no other way.
 */
async function readWebhooks(
  { client }: CommandContext,
  resource: string,
): Promise<readonly Webhook[]> {
  const { items } = await client.get<ListOf<WebhookConfiguration>>(`${ROOT}/${resource}`)
  return items
    .flatMap(({ webhooks }) => webhooks ?? [])
    .filter(({ clientConfig: { service } }) => {
      const itself = service?.name === 'kubernetes' && service.namespace === 'default'
      return itself && (service.path ?? '').startsWith(`${ADMISSION_ROOT}/`)
    })
}

const VISITS = 'visit.lanyard.dev'
const VISITS_PASS = `${VISITS} has failurePolicy Ignore: while the injector or the control plane is away, who execs into pods is in no record of Lanyard's`

function checkFailsClosed(webhooks: readonly Webhook[], kind: string): CheckOutcome {
  if (webhooks.length === 0) {
    return failure(`no ${kind} webhook calls ${INJECTOR_SERVICE}: pods start without the sidecar`)
  }
  const open = webhooks
    .filter(({ failurePolicy }) => failurePolicy === 'Ignore')
    .map(({ name }) => name)
  if (open.length === 0) return ok('failurePolicy Fail')
  if (open.every((name) => name === VISITS)) return warning(VISITS_PASS)
  return failure(
    ...open.map((name) =>
      name === VISITS
        ? VISITS_PASS
        : `${name} has failurePolicy Ignore: when the injector is away, pods start without the sidecar`,
    ),
  )
}

async function checkApiService({ client, now }: CommandContext): Promise<CheckOutcome> {
  const path = `/apis/apiregistration.k8s.io/v1/apiservices/${APISERVICE}`
  const { spec, status } = await client.get<ApiServiceObject>(path)
  if (spec.insecureSkipTLSVerify === true) {
    return failure('the APIService skips the check of the certificate')
  }
  const available = status?.conditions?.find(({ type }) => type === 'Available')
  if (available?.status !== 'True') {
    return failure(
      `it is not available: ${available?.message ?? 'kube-apiserver has not checked it yet'}`,
    )
  }
  return checkCaBundle(spec.caBundle, `APIService ${APISERVICE}`, now())
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
