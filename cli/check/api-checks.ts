import { accessPath, type Scope } from '../../api/client/access-client.ts'
import { INSTALL_HINT, VIEWER_ROLE } from '../../api/client/request-fault.ts'
import { Fault } from '../../core/fault.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { checkCaBundle } from './certificate-check.ts'
import { type CheckItem, type CheckOutcome, failure, OK, ok, warning } from './check-item.ts'
import type { ApiServiceObject } from './cluster-objects.ts'

/** Oldest minor version of Kubernetes 1 that has all that Lanyard needs. */
const KUBERNETES_MINOR_MIN = 30
const APISERVICE = `${ACCESS_VERSION}.${ACCESS_GROUP}`

/** Reads the APIService once; it also says where Lanyard runs. */
export type ReadApiService = () => Promise<ApiServiceObject>

/** A reader that asks the cluster once, however often it is called; a failure is kept too. */
export function createApiServiceReader({ client }: CommandContext): ReadApiService {
  let read: Promise<ApiServiceObject> | undefined
  return () => {
    read ??= client.get<ApiServiceObject>(
      `/apis/apiregistration.k8s.io/v1/apiservices/${APISERVICE}`,
    )
    return read
  }
}

/** The cluster itself, and the API of Lanyard as this user meets it. */
export function apiChecks(
  context: CommandContext,
  readApiService: ReadApiService,
  scope: Scope,
): readonly CheckItem[] {
  const where = scope === undefined ? 'in all namespaces' : `in namespace ${scope}`
  return [
    ...kubernetesChecks(context),
    {
      category: 'lanyard-api',
      title: `APIService ${APISERVICE} is available`,
      fatal: true,
      run: () => checkApiService(readApiService),
    },
    {
      category: 'lanyard-api',
      title: 'the CA certificate of the APIService is valid',
      run: async () => {
        const { spec } = await readApiService()
        if (spec.insecureSkipTLSVerify === true) {
          return failure(
            'the APIService skips the check of the certificate: anyone could answer in its place',
          )
        }
        return checkCaBundle(spec.caBundle, `APIService ${APISERVICE}`, context.now())
      },
    },
    ...['chains', 'auditevents'].map((resource) => ({
      category: 'lanyard-api',
      title: `you may read ${resource} ${where}`,
      run: () => checkAccess(context, resource, scope),
    })),
  ]
}

function kubernetesChecks({ client }: CommandContext): readonly CheckItem[] {
  let version: Promise<{ gitVersion: string; major: string; minor: string }> | undefined
  const readVersion = () => {
    version ??= client.get('/version')
    return version
  }
  return [
    {
      category: 'kubernetes-api',
      title: 'the Kubernetes API can be reached',
      fatal: true,
      run: async () => ok((await readVersion()).gitVersion),
    },
    {
      category: 'kubernetes-api',
      title: `Kubernetes is 1.${KUBERNETES_MINOR_MIN} or newer`,
      run: async () => {
        const { major, minor, gitVersion } = await readVersion()
        const enough = Number(major) > 1 || Number.parseInt(minor, 10) >= KUBERNETES_MINOR_MIN
        return enough ? OK : failure(`this cluster has ${gitVersion}`)
      },
    },
  ]
}

async function checkApiService(readApiService: ReadApiService): Promise<CheckOutcome> {
  try {
    const { status } = await readApiService()
    const available = status?.conditions?.find(({ type }) => type === 'Available')
    if (available?.status === 'True') return OK
    return failure(
      `it is not available: ${available?.message ?? 'kube-apiserver has not checked it yet'}`,
      `look at kubectl describe apiservice ${APISERVICE}`,
    )
  } catch (error) {
    if (Fault.from(error).code !== 'not_found') throw error
    return failure(`Lanyard is not installed in this cluster: ${INSTALL_HINT}`)
  }
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean; readonly reason?: string }
}

/** Asks, and then really reads: what is allowed may still fail. */
async function checkAccess(
  { client }: CommandContext,
  resource: string,
  scope: Scope,
): Promise<CheckOutcome> {
  const denied: string[] = []
  for (const verb of ['get', 'list', 'watch']) {
    const namespace = scope === undefined ? {} : { namespace: scope }
    const review = await client.post<AccessReview>(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group: ACCESS_GROUP, resource, ...namespace } },
      },
    )
    if (review.status?.allowed !== true) denied.push(verb)
  }
  if (denied.length > 0) {
    const where = scope === undefined ? 'in the whole cluster' : `in namespace ${scope}`
    return warning(
      `ask an administrator for: ${denied.join(', ')} ${resource}.${ACCESS_GROUP} ${where} (ClusterRole ${VIEWER_ROLE})`,
    )
  }
  await client.get(accessPath(resource, scope), { limit: '1' })
  return OK
}
