import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Fault } from '../core/fault.ts'

const IN_CLUSTER_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

export interface KubeconfigOptions {
  /** `--kubeconfig` */
  readonly kubeconfig?: string
  /** `--context` */
  readonly context?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The configuration that kubectl would use: the flag, else every file of KUBECONFIG, else
 * ~/.kube/config, else the service account of the pod. Throws `config_invalid`, saying what to do.
 */
export function loadKubeconfig({ kubeconfig, context, env }: KubeconfigOptions): KubeConfig {
  const config = readConfig(kubeconfig, env)
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
  if (config.getCurrentCluster() === null) {
    throw new Fault(
      'config_invalid',
      'The kubeconfig has no current context: choose one with --context, or with kubectl config use-context',
    )
  }
  return config
}

function readConfig(kubeconfig: string | undefined, env: KubeconfigOptions['env']): KubeConfig {
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
