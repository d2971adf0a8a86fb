import { isServiceAccountPath } from '../core/pods/hand-projected-token.ts'
import type { Container, EnvVar, VolumeMount } from '../core/pods/pod.ts'
import {
  CLIENT_ENVIRONMENT,
  RUN_VOLUME,
  SERVICE_ACCOUNT_PATH,
} from '../core/pods/sidecar-contract.ts'
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
  return {
    name: RUN_VOLUME,
    mountPath: SERVICE_ACCOUNT_PATH,
    subPath: `containers/${container.name}`,
    readOnly: true,
  }
}

/**
 * The container with the sidecar's address and, where it is to have a credential, the sidecar's in the
 * place of whatever is mounted there. Mounts of the volumes in `dropped` go.
 */
export function pointAtSidecar(
  container: Container,
  options: { readonly credential: boolean; readonly dropped: (volume: string) => boolean },
): Container {
  const { volumeMounts, ...rest } = container
  const mounts = [
    ...(options.credential ? [credentialMount(container)] : []),
    ...(volumeMounts ?? []).filter(
      (mount) => !options.dropped(mount.name) && !isServiceAccountPath(mount),
    ),
  ]
  return {
    ...rest,
    env: pointedEnvironment(container),
    // kube-apiserver stores no empty list.
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  }
}
