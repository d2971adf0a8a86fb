import {
  CONTROL_PLANE_AUDIENCE,
  CONTROL_PLANE_SERVICE,
  SIDECAR_CONTAINER,
  SYSTEM_NAMESPACE,
} from '../core/names.ts'
import { allContainers, type Container, type Pod, type PodSpec, type Volume } from './pod.ts'
import {
  BUILT_IN_TOKEN_PREFIX,
  HEALTH_PORT,
  PROXY_PORT,
  RESERVED_VOLUMES,
  SIDECAR_UID,
} from './sidecar-contract.ts'

/** Audiences that kube-apiserver takes by default, and ours. A token for another one is its own. */
const OWN_AUDIENCES = [
  CONTROL_PLANE_AUDIENCE,
  'https://kubernetes.default.svc',
  'https://kubernetes.default.svc.cluster.local',
  'kubernetes.default.svc',
  'kubernetes',
  'api',
]

/** Folders of the node in which other pods' tokens or the runtime's sockets are found. */
const NODE_FOLDERS = [
  '/var/lib/kubelet',
  '/var/lib/containerd',
  '/var/run',
  '/run',
  '/etc/kubernetes',
  '/proc',
  '/sys',
  '/dev',
  '/root',
  '/var/lib/docker',
]

const CAPABILITIES = [
  'SYS_PTRACE',
  'SYS_ADMIN',
  'SYS_MODULE',
  'SYS_RAWIO',
  'BPF',
  'NET_ADMIN',
  'NET_RAW',
  'DAC_READ_SEARCH',
  'ALL',
]

/**
 * Why a pod cannot be protected, as a sentence that says what to change; undefined when it can. A
 * pod that cannot be protected is refused, never passed over.
 */
export function whyNotProtectable(pod: Pod, apiAudiences: readonly string[]): string | undefined {
  const { spec } = pod
  const audiences = [...OWN_AUDIENCES, ...apiAudiences]
  return (
    whyNotPod(spec) ??
    firstReason(spec.volumes ?? [], (volume) => whyNotVolume(volume, audiences)) ??
    firstReason(allContainers(spec), whyNotContainer) ??
    firstReason(spec.containers, ({ name }) =>
      name === SIDECAR_CONTAINER
        ? `the container name ${name} is Lanyard's own; rename it`
        : undefined,
    )
  )
}

function whyNotPod(spec: PodSpec): string | undefined {
  if (spec.hostNetwork) return 'hostNetwork shares the loopback of the node; remove it'
  if (spec.hostPID) return "hostPID shows the sidecar's memory and files; remove it"
  if (spec.hostIPC) return 'hostIPC shares memory with the node; remove it'
  if (spec.shareProcessNamespace) {
    return "shareProcessNamespace shows the sidecar's memory and files; remove it"
  }
  if (spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows') {
    return 'Windows pods cannot carry the sidecar'
  }
  if (spec.securityContext?.windowsOptions !== undefined)
    return 'Windows pods cannot carry the sidecar'
  if (spec.securityContext?.runAsUser === SIDECAR_UID) return sameUser('the pod')
  const own = `${CONTROL_PLANE_SERVICE}.${SYSTEM_NAMESPACE}`
  const alias = (spec.hostAliases ?? [])
    .flatMap(({ hostnames }) => hostnames ?? [])
    .find((name) => name.startsWith(own) || name.startsWith('kubernetes.default'))
  return alias === undefined ? undefined : `hostAliases must not name ${alias}`
}

function whyNotVolume(volume: Volume, audiences: readonly string[]): string | undefined {
  const { name, hostPath, projected } = volume
  if (hostPath !== undefined && isNodeFolder(hostPath.path)) {
    return `the volume ${name} mounts ${hostPath.path} of the node, where credentials of other pods are; remove it`
  }
  if (RESERVED_VOLUMES.includes(name) || name.startsWith(BUILT_IN_TOKEN_PREFIX)) return undefined
  const token = (projected?.sources ?? []).find(({ serviceAccountToken }) => {
    if (serviceAccountToken === undefined || serviceAccountToken === null) return false
    const { audience = '' } = serviceAccountToken
    return audience === '' || audiences.includes(audience)
  })
  return token === undefined
    ? undefined
    : `the volume ${name} projects a service account token that the API server or Lanyard accepts; remove it, or give it the audience of the service it is for`
}

/** `/` and every folder above or below one of the node's own. */
function isNodeFolder(path: string): boolean {
  const clean = `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`
  if (clean.split('/').includes('..') || clean === '/') return true
  return NODE_FOLDERS.some(
    (folder) =>
      folder === clean || folder.startsWith(`${clean}/`) || clean.startsWith(`${folder}/`),
  )
}

/** What a container, init container or ephemeral container must not have. */
export function whyNotContainer(container: Container): string | undefined {
  const { name, securityContext, ports } = container
  if (name === SIDECAR_CONTAINER) return undefined
  const mount = (container.volumeMounts ?? []).find((candidate) => isForbiddenMount(candidate))
  if (mount !== undefined)
    return `the container ${name} mounts Lanyard's volume ${mount.name}; remove the mount`
  if (securityContext?.runAsUser === SIDECAR_UID) return sameUser(`the container ${name}`)
  if (securityContext?.privileged) return `the container ${name} is privileged; remove it`
  if (securityContext?.procMount === 'Unmasked')
    return `the container ${name} unmasks /proc; remove procMount`
  const added = (securityContext?.capabilities?.add ?? []).find((capability) =>
    CAPABILITIES.includes(capability.replace(/^CAP_/, '')),
  )
  if (added !== undefined) return `the container ${name} adds the capability ${added}; remove it`
  const port = (ports ?? []).find(
    ({ containerPort }) => containerPort === PROXY_PORT || containerPort === HEALTH_PORT,
  )
  if (port !== undefined)
    return `the container ${name} uses port ${port.containerPort}, which is the sidecar's; choose another`
  return undefined
}

/** Our own mount is put in by injection; a subPath of another container's folder is not ours. */
function isForbiddenMount(mount: { readonly name: string; readonly mountPath: string }): boolean {
  const own = '/var/run/secrets/kubernetes.io/serviceaccount'
  return RESERVED_VOLUMES.includes(mount.name) && mount.mountPath !== own
}

function sameUser(what: string): string {
  return `${what} runs as uid ${SIDECAR_UID}, which is the sidecar's; choose another`
}

function firstReason<Item>(
  items: readonly Item[],
  reason: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = reason(item)
    if (found !== undefined) return found
  }
  return undefined
}
