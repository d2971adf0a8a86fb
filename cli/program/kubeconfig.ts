import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig, type User } from '@kubernetes/client-node'
import type { ClusterAccess } from '../../api/client/kubernetes-client.ts'
import { Fault } from '../../core/fault.ts'
import { SERVICE_ACCOUNT_PATH, TOKEN_FILE } from '../../core/pods/sidecar-contract.ts'

const IN_CLUSTER_TOKEN = `${SERVICE_ACCOUNT_PATH}/${TOKEN_FILE}`

export interface KubeconfigOptions {
  /** `--kubeconfig` */
  readonly kubeconfig?: string
  /** `--context` */
  readonly context?: string
  /** `--server`, in place of the one of the context. */
  readonly server?: string
  /** `--token`, in place of the user of the context. */
  readonly token?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The configuration that kubectl would use: the flag, else every file of KUBECONFIG, else
 * ~/.kube/config, else the service account of the pod; `server` and `token` win over it. Over plain
 * http, as to `kubectl proxy`, no credential is sent. Throws `config_invalid`, saying what to do.
 */
export function loadKubeconfig(options: KubeconfigOptions): KubeConfig {
  const config = readConfig(options)
  const { context } = options
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name)
    if (!names.includes(context)) {
      throw new Fault(
        'config_invalid',
        `There is no context ${JSON.stringify(context)} in the kubeconfig; there are: ${names.join(', ')}`,
      )
    }
    config.setCurrentContext(context)
  }
  return withFlags(config, options)
}

/** The cluster of the current context; `namespace`, as of `-n`, wins over the context's own. */
export function toClusterAccess(config: KubeConfig, namespace?: string): ClusterAccess {
  const context = config.getCurrentContext()
  return {
    server: config.getCurrentCluster()?.server ?? '',
    context,
    // A context can hold an empty namespace, which is none.
    namespace: namespace ?? (config.getContextObject(context)?.namespace || 'default'),
    addCredentials: (options) => config.applyToHTTPSOptions(options),
  }
}

/** The current context alone, with what flags say in the place of what the file says. */
function withFlags(config: KubeConfig, options: KubeconfigOptions): KubeConfig {
  const cluster = config.getCurrentCluster()
  const server = options.server ?? cluster?.server
  if (server === undefined) {
    throw new Fault(
      'config_invalid',
      'The kubeconfig has no current context: choose one with --context, or with kubectl config use-context',
    )
  }
  const name = config.getCurrentContext() ?? ''
  const namespace = config.getContextObject(name)?.namespace
  const plain = server.startsWith('http:')
  const user = userOf(config.getCurrentUser(), options.token, plain)
  const settled = new KubeConfig()
  settled.loadFromOptions({
    // The library takes plain http only from who says that there is no TLS to verify.
    clusters: [
      {
        ...cluster,
        name: cluster?.name ?? name,
        server,
        skipTLSVerify: plain || cluster?.skipTLSVerify === true,
      },
    ],
    users: [user],
    contexts: [
      {
        name,
        cluster: cluster?.name ?? name,
        user: user.name,
        ...(namespace === undefined ? {} : { namespace }),
      },
    ],
    currentContext: name,
  })
  return settled
}

/** Whoever listens on the way of plain http must not get a credential; kubectl sends none either. */
function userOf(user: User | null, token: string | undefined, plain: boolean): User {
  const name = user?.name ?? ''
  if (!plain && token === undefined) return user ?? { name }
  const { impersonateUser } = user ?? {}
  return {
    name,
    ...(plain || token === undefined ? {} : { token }),
    ...(impersonateUser === undefined ? {} : { impersonateUser }),
  }
}

function readConfig({ kubeconfig, server, env }: KubeconfigOptions): KubeConfig {
  if (kubeconfig !== undefined) return readFile(kubeconfig)
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  const files = listed.length > 0 ? listed : [join(env['HOME'] ?? homedir(), '.kube', 'config')]
  const [first, ...others] = files.filter((path) => existsSync(path))
  if (first !== undefined) {
    const config = readFile(first)
    for (const path of others) merge(config, readFile(path))
    return config
  }
  if (listed.length === 0 && existsSync(IN_CLUSTER_TOKEN)) {
    const config = new KubeConfig()
    config.loadFromCluster()
    return config
  }
  // The server alone is enough where it asks for no login, as kubectl proxy does not.
  if (listed.length === 0 && server !== undefined) return new KubeConfig()
  throw new Fault(
    'config_invalid',
    `There is no kubeconfig (looked for ${files.join(', ')}): set KUBECONFIG or give --kubeconfig`,
  )
}

function readFile(path: string): KubeConfig {
  const config = new KubeConfig()
  try {
    readFileSync(path)
    config.loadFromFile(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const why = code === undefined ? 'it is not a kubeconfig' : code
    throw new Fault('config_invalid', `Cannot read the kubeconfig ${path}: ${why}`, {
      cause: error,
    })
  }
  return config
}

/** The first file that has a name wins, as in kubectl. */
function merge(config: KubeConfig, other: KubeConfig): void {
  for (const cluster of other.getClusters()) {
    if (config.getCluster(cluster.name) === null) config.addCluster(cluster)
  }
  for (const user of other.getUsers()) {
    if (config.getUser(user.name) === null) config.addUser(user)
  }
  for (const context of other.getContexts()) {
    if (config.getContextObject(context.name) === null) config.addContext(context)
  }
  if (!config.getCurrentContext()) config.setCurrentContext(other.getCurrentContext())
}
