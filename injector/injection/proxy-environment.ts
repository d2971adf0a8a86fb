import type { EnvVar } from '../../core/pods/pod.ts'

/*
 * Which hosts a client's HTTP proxy is not asked for. The sidecar is on loopback, and a company's list
 * of exceptions names the cluster's networks instead. Go, Node and Python leave loopback out in
 * different cases, curl in none.
 */

/** As clients write loopback; the sidecar is at the first. */
const LOOPBACK = ['127.0.0.1', 'localhost', '::1']
/** curl and wget read the second, Go and Python both. */
const EXCEPTIONS = ['NO_PROXY', 'no_proxy']
const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy']
/** Where an author's exception goes that comes from elsewhere, so that the list can refer to it. */
const MOVED_PREFIX = 'LANYARD_'

/**
 * The environment of a container with loopback among the exceptions of its proxies, and everything
 * else as it was. What the container says is kept and added to; where it says none but has a proxy,
 * both spellings are set. Doing it again changes nothing.
 *
 * What `envFrom` brings cannot be read at admission, so the list refers to it: kubelet knows those
 * values before it expands `$(NAME)`, and leaves a reference to nothing as it is, which matches no host
 * (pkg/kubelet/kubelet_pods.go makeEnvironmentVariables, v1.34).
 */
export function exceptLoopback(
  env: readonly EnvVar[],
  envFrom: readonly unknown[] | undefined,
): readonly EnvVar[] {
  if (env.some(isException)) return env.flatMap((one) => (isException(one) ? extended(one) : [one]))
  const fromElsewhere = (envFrom ?? []).length > 0
  if (!fromElsewhere && !env.some(({ name }) => PROXIES.includes(name.toLowerCase()))) return env
  const before = fromElsewhere ? EXCEPTIONS.map((name) => `$(${name})`) : []
  const value = [...before, ...LOOPBACK].join(',')
  return [...env, ...EXCEPTIONS.map((name) => ({ name, value }))]
}

/** Whether injection may have written the variable, or written into it. */
export function isProxyException({ name }: EnvVar): boolean {
  return EXCEPTIONS.some((one) => name === one || name === `${MOVED_PREFIX}${one}`)
}

function isException({ name }: EnvVar): boolean {
  return EXCEPTIONS.includes(name)
}

function extended(one: EnvVar): readonly EnvVar[] {
  const { name, value = '', valueFrom, ...rest } = one
  const moved = `${MOVED_PREFIX}${name}`
  // A value beside its source is ours, put together with what the author applied a second time.
  if (valueFrom !== undefined && valueFrom !== null && value === '') {
    return [
      { name: moved, valueFrom, ...rest },
      { name, value: withLoopback(`$(${moved})`) },
    ]
  }
  return [{ name, ...rest, value: withLoopback(value) }]
}

function withLoopback(value: string): string {
  const listed = value.split(',').map((host) => host.trim())
  // curl takes an asterisk for all hosts only when nothing else is there.
  if (listed.includes('*')) return value
  const missing = LOOPBACK.filter((host) => !listed.includes(host))
  return [...(value === '' ? [] : [value]), ...missing].join(',')
}
