import { OWN_AUDIENCES } from '../kubernetes/api-audiences.ts'
import { CONTROL_PLANE_SERVICE, SIDECAR_CONTAINER, SYSTEM_NAMESPACE } from '../names.ts'
import { handProjectedTokens, isOwnFolderMount } from './hand-projected-token.ts'
import {
  allContainers,
  type Container,
  type Pod,
  type PodSpec,
  type SecurityContext,
  type Volume,
  type VolumeSource,
} from './pod.ts'
import {
  BUILT_IN_TOKEN_PREFIX,
  HEALTH_PORT,
  PROXY_PORT,
  RESERVED_VOLUMES,
  SERVICE_ACCOUNT_PATH,
  SIDECAR_UID,
} from './sidecar-contract.ts'

/** Kinds of projected sources without a credential for the API server, but for the token, which is judged. */
const PROJECTED_SOURCES = [
  'clusterTrustBundle',
  'configMap',
  'downwardAPI',
  'secret',
  'serviceAccountToken',
]

/** What the baseline Pod Security Standard lets a container add; none reaches another container. */
const CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/**
 * Why a pod cannot be protected, as a sentence that says what to change; undefined when it can. A
 * pod that cannot be protected is refused, never passed over.
 */
export function whyNotProtectable(pod: Pod, apiAudiences: readonly string[]): string | undefined {
  const { spec } = pod
  const audiences = [...OWN_AUDIENCES, ...apiAudiences]
  const replaced = handProjectedTokens(spec)
  const volumes = (spec.volumes ?? []).filter(({ name }) => !replaced.includes(name))
  return (
    whyNotPod(spec) ??
    firstReason(volumes, (volume) => whyNotVolume(volume, audiences)) ??
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
  if ((spec.ephemeralContainers ?? []).length > 0) {
    return 'ephemeral containers join a pod that runs; remove them'
  }
  const security = whyNotSecurity('the pod', spec.securityContext ?? {})
  if (security !== undefined) return security
  const own = `${CONTROL_PLANE_SERVICE}.${SYSTEM_NAMESPACE}`
  const alias = (spec.hostAliases ?? [])
    .flatMap(({ hostnames }) => hostnames ?? [])
    .find((name) => name.startsWith(own))
  return alias === undefined ? undefined : `hostAliases must not name ${alias}`
}

function whyNotVolume(volume: Volume, audiences: readonly string[]): string | undefined {
  const { name, hostPath, projected } = volume
  // Whatever the path is: a link that some pod left there leads anywhere on the node.
  if (hostPath !== undefined) {
    return `the volume ${name} mounts ${hostPath.path} of the node, from where credentials of other pods can be reached; use an emptyDir or a PersistentVolumeClaim`
  }
  if (volume['gitRepo'] !== undefined) {
    return `the volume ${name} of kind gitRepo runs git as root on the node; clone in an init container`
  }
  if (RESERVED_VOLUMES.includes(name) || name.startsWith(BUILT_IN_TOKEN_PREFIX)) return undefined
  return firstReason(projected?.sources ?? [], (source) => whyNotSource(name, source, audiences))
}

function whyNotSource(
  volume: string,
  source: VolumeSource,
  audiences: readonly string[],
): string | undefined {
  const unknown = Object.keys(source).find((kind) => !PROJECTED_SOURCES.includes(kind))
  if (unknown !== undefined) {
    return `the volume ${volume} projects a ${unknown}, which can be a credential for the API server; remove it`
  }
  const { serviceAccountToken } = source
  if (serviceAccountToken === undefined || serviceAccountToken === null) return undefined
  const { audience = '' } = serviceAccountToken
  if (audience !== '' && !audiences.includes(audience)) return undefined
  return `the volume ${volume} projects a service account token that the API server or Lanyard accepts; remove it, give it the audience of the service it is for, or project it as token, with the ConfigMap kube-root-ca.crt as ca.crt and nothing else but namespace, which the sidecar then writes in its place`
}

/** What a container, init container or ephemeral container must not have. */
export function whyNotContainer(container: Container): string | undefined {
  const { name, ports } = container
  if (name === SIDECAR_CONTAINER) return undefined
  const volume = ownVolumeUsed(container)
  if (volume !== undefined)
    return `the container ${name} mounts Lanyard's volume ${volume}; remove the mount`
  const port = (ports ?? []).find(
    ({ containerPort }) => containerPort === PROXY_PORT || containerPort === HEALTH_PORT,
  )
  if (port !== undefined)
    return `the container ${name} uses port ${port.containerPort}, which is the sidecar's; choose another`
  return whyNotSecurity(`the container ${name}`, container.securityContext ?? {})
}

function whyNotSecurity(what: string, context: SecurityContext): string | undefined {
  if (context.windowsOptions !== undefined) return 'Windows pods cannot carry the sidecar'
  if (context.runAsUser === SIDECAR_UID) {
    return `${what} runs as uid ${SIDECAR_UID}, which is the sidecar's; choose another`
  }
  if (context.privileged) return `${what} is privileged; remove it`
  if (context.procMount === 'Unmasked') return `${what} unmasks /proc; remove procMount`
  const added = (context.capabilities?.add ?? []).find((name) => !CAPABILITIES.includes(name))
  return added === undefined ? undefined : `${what} adds the capability ${added}; remove it`
}

/** One of our volumes that a container uses in any way but the mounts that injection puts in. */
function ownVolumeUsed(container: Container): string | undefined {
  const mounts = (container.volumeMounts ?? []).filter(
    (mount) => mount.mountPath !== SERVICE_ACCOUNT_PATH && !isOwnFolderMount(container, mount),
  )
  const names = [
    ...mounts.map(({ name }) => name),
    ...(container.volumeDevices ?? []).map(({ name }) => name),
    ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.fileKeyRef?.volumeName ?? ''),
  ]
  return names.find((name) => RESERVED_VOLUMES.includes(name))
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
