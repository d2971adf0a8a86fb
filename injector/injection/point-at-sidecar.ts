import {
  isOwnFolderMount,
  isServiceAccountPath,
  ownFolderMount,
} from '../../core/pods/hand-projected-token.ts'
import type { Container, EnvVar, VolumeMount } from '../../core/pods/pod.ts'
import { CLIENT_ENVIRONMENT, SERVICE_ACCOUNT_PATH } from '../../core/pods/sidecar-contract.ts'
import { exceptLoopback } from './proxy-environment.ts'

/**
 * The environment with the sidecar's address, first so that `$(VAR)` expands to it, and with loopback
 * among the exceptions of its proxies. Doing it again changes nothing.
 */
export function pointedEnvironment(
  container: Pick<Container, 'env' | 'envFrom'>,
): readonly EnvVar[] {
  const own = (container.env ?? []).filter((variable) => !isClientEnvironment(variable))
  return [...CLIENT_ENVIRONMENT, ...exceptLoopback(own, container.envFrom)]
}

/** Whether a variable says where the API server is. */
export function isClientEnvironment(variable: Pick<EnvVar, 'name'>): boolean {
  return CLIENT_ENVIRONMENT.some(({ name }) => name === variable.name)
}

/**
 * What the sidecar wrote for this container, where API clients look. The mount at exactly this path
 * keeps the built-in ServiceAccount admission, which runs again after a webhook, from adding one with
 * a real token.
 */
export function credentialMount(container: Pick<Container, 'name'>): VolumeMount {
  return ownFolderMount(container, SERVICE_ACCOUNT_PATH)
}

/** What injection makes of the mounts of a container, but for the one where API clients look. */
export function mountsElsewhere(
  container: Container,
  options: Pick<PointingOptions, 'dropped' | 'led'>,
): readonly VolumeMount[] {
  return (container.volumeMounts ?? []).flatMap((mount) => {
    if (isServiceAccountPath(mount)) return []
    if (options.led(mount.name)) return [ownFolderMount(container, mount.mountPath)]
    return options.dropped(mount.name) && !isOwnFolderMount(container, mount) ? [] : [mount]
  })
}

interface PointingOptions {
  /** Whether the container has the sidecar's credential where API clients look. */
  readonly credential: boolean
  /** Whether mounts of a volume go. */
  readonly dropped: (volume: string) => boolean
  /** Whether what the sidecar wrote takes the place of a volume. */
  readonly led: (volume: string) => boolean
}

/**
 * The container with the sidecar's address and, where it is to have a credential, the sidecar's in the
 * place of whatever is mounted there.
 */
export function pointAtSidecar(container: Container, options: PointingOptions): Container {
  const { volumeMounts: _, ...rest } = container
  const mounts = [
    ...(options.credential ? [credentialMount(container)] : []),
    ...mountsElsewhere(container, options),
  ]
  return {
    ...rest,
    env: pointedEnvironment(container),
    // kube-apiserver stores no empty list.
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  }
}
