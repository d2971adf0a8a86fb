/*
 * What injector and sidecar agree on: names, paths, ports and settings inside a pod. The sidecar's
 * configuration has its defaults from here.
 */

export const SIDECAR_UID = 7777
/** Not 80, 8080 or 8001: the JavaScript client would speak plain HTTP to those. */
export const PROXY_PORT = 16_443
export const HEALTH_PORT = 16_444

export const API_TOKEN_VOLUME = 'lanyard-api-token'
export const CONTROL_PLANE_TOKEN_VOLUME = 'lanyard-control-plane-token'
export const RUN_VOLUME = 'lanyard-run'
export const RESERVED_VOLUMES = [API_TOKEN_VOLUME, CONTROL_PLANE_TOKEN_VOLUME, RUN_VOLUME]

export const SECRETS_PATH = '/var/run/secrets/lanyard.dev'
export const API_TOKEN_PATH = `${SECRETS_PATH}/api`
export const CONTROL_PLANE_TOKEN_PATH = `${SECRETS_PATH}/control-plane`
export const RUN_PATH = '/var/run/lanyard'
/** Where API clients look for their credentials. */
export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Files in the folder of a token. */
export const TOKEN_FILE = 'token'
export const AUTHORITY_FILE = 'ca.crt'

/** What the names of environment variables begin with. */
export const ENVIRONMENT_PREFIX = 'LANYARD'

/** Settings that the injector gives to a sidecar, as keys of the sidecar's configuration. */
export const INJECTED_SETTINGS = [
  'controlPlaneAddress',
  'controlPlaneName',
  'controlPlaneCa',
  'upstreamUrl',
  'apiCa',
  'containers',
  'logLevel',
  'readAhead',
  'shareWatches',
  'serviceNameAddress',
  'podNamespace',
] as const

export type InjectedSetting = (typeof INJECTED_SETTINGS)[number]

/** Volumes that kube-apiserver's ServiceAccount admission adds begin with this. */
export const BUILT_IN_TOKEN_PREFIX = 'kube-api-access-'

/** What every other container is told, first in its environment so that `$(VAR)` expands to it. */
export const CLIENT_ENVIRONMENT: readonly { readonly name: string; readonly value: string }[] = [
  { name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' },
  { name: 'KUBERNETES_SERVICE_PORT', value: String(PROXY_PORT) },
  { name: 'KUBERNETES_SERVICE_PORT_HTTPS', value: String(PROXY_PORT) },
  { name: 'KUBERNETES_PORT', value: `tcp://127.0.0.1:${PROXY_PORT}` },
]
