import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { mayLeadServiceName, SERVICE_NAMES } from '../../core/pods/service-name.ts'
import { type CheckOutcome, OK, warning } from './check-item.ts'
import type { PodTemplate, PodTemplates } from './read-templates.ts'
import { shortenLines } from './shorten-lines.ts'

const LINES_MAX = 20

/** By which a client finds the API server without being told by the environment; the name itself is caught. */
const BY_NAME =
  /(?:^|[^\w.-])(kubernetes\.default(?:\.svc(?:\.[\w.-]+)?)?)(?=$|[^\w.-])|https:\/\/(kubernetes)(?=[:/]|$)/g
/** A Java program that lists its own exceptions asks its proxy for the sidecar. */
const JAVA_EXCEPTIONS = /-Dhttps?\.nonProxyHosts=(\S+)/g
const PROXY = /^(?:https?|all)_proxy$/i

/** Keys of the ConfigMaps of a namespace, by name; undefined for one that cannot be read. */
export type KeysOf = (configMap: string) => Promise<readonly string[] | undefined>

/** What goes on running after the namespace is opted in only with a setting, or in another way. */
export async function checkSettings(
  { templates }: PodTemplates,
  keysOf: KeysOf,
): Promise<CheckOutcome> {
  const lines: string[] = []
  for (const template of templates) lines.push(...(await settingsOf(template, keysOf)))
  return lines.length === 0 ? OK : warning(...shortenLines(lines, LINES_MAX))
}

async function settingsOf({ what, pod }: PodTemplate, keysOf: KeysOf): Promise<readonly string[]> {
  const lines: string[] = []
  const served = mayLeadServiceName(pod) ? SERVICE_NAMES : []
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    if (container.name === SIDECAR_CONTAINER) continue
    const where = `${what}, container ${container.name}`
    const words = wordsOf(container)
    const past = words.flatMap(namesIn).find((name) => !served.includes(name))
    if (past !== undefined) {
      lines.push(
        `${where} calls the API server as ${past}, which this pod's sidecar does not serve, and is answered 401: let it use KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT`,
      )
    }
    if (words.some(asksProxyForLoopback)) {
      lines.push(
        `${where} sets nonProxyHosts without 127.*, so Java asks its proxy for the sidecar: add |127.*|localhost`,
      )
    }
    for (const source of (container.envFrom ?? []) as readonly EnvSource[]) {
      const name = source.configMapRef?.name
      if (name === undefined || (source.prefix ?? '') !== '') continue
      const proxies = ((await keysOf(name)) ?? []).filter((key) => PROXY.test(key))
      if (proxies.length === 0) continue
      lines.push(
        `${where} takes ${proxies.join(', ')} from ConfigMap ${name}: its NO_PROXY gets 127.0.0.1, so an asterisk alone there is one of several; list hosts instead`,
      )
    }
  }
  return lines
}

interface EnvSource {
  readonly prefix?: string
  readonly configMapRef?: { readonly name?: string }
}

function wordsOf(container: PodTemplate['pod']['spec']['containers'][number]): readonly string[] {
  const texts = [container['command'], container['args']].flatMap((list) =>
    Array.isArray(list) ? list.map(String) : [],
  )
  return [...texts, ...(container.env ?? []).flatMap(({ value }) => value ?? [])]
}

function namesIn(word: string): readonly string[] {
  return [...word.matchAll(BY_NAME)].map(([, long, short]) => long ?? short ?? '')
}

function asksProxyForLoopback(word: string): boolean {
  return [...word.matchAll(JAVA_EXCEPTIONS)].some(
    ([, hosts = '']) => !/(?:^|\|)(?:127\.|\*(?:\||$))/.test(hosts.replace(/^["']/, '')),
  )
}
