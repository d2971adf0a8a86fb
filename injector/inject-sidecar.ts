import { LANYARD_GROUP, SIDECAR_CONTAINER } from '../core/names.ts'
import type { Container, Named, Pod, PodSpec, Volume, VolumeMount } from './pod.ts'
import { withRoomForAll } from './pod-resources.ts'
import { type SidecarOptions, sidecarContainer, sidecarVolumes } from './sidecar-container.ts'
import {
  BUILT_IN_TOKEN_PREFIX,
  CLIENT_ENVIRONMENT,
  RESERVED_VOLUMES,
  RUN_VOLUME,
  SERVICE_ACCOUNT_PATH,
} from './sidecar-contract.ts'

/**
 * Adds the sidecar and points every other container at it. Pure and idempotent: webhooks are run
 * again, and what validation accepts is what this makes of the pod. Ours comes first in each list,
 * so that whatever another webhook appends afterwards moves nothing.
 */
export function injectSidecar(
  pod: Pod,
  options: SidecarOptions,
  hints: Readonly<Record<string, string>>,
): Pod {
  const spec = withoutInjection(pod.spec)
  const point = hasCredential(pod.spec) ? pointAtSidecar : withAddress
  const served = [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name)
  return {
    ...pod,
    metadata: withHints(pod.metadata, hints),
    spec: withRoomForAll({
      ...spec,
      automountServiceAccountToken: false,
      volumes: [...sidecarVolumes(), ...(spec.volumes ?? [])],
      initContainers: [
        sidecarContainer(options, served),
        ...(spec.initContainers ?? []).map(point),
      ],
      containers: spec.containers.map(point),
    }),
  }
}

/** Takes out what injection and the built-in ServiceAccount admission put in, whoever put it there. */
function withoutInjection(spec: PodSpec): PodSpec {
  const volumes = (spec.volumes ?? []).filter((volume) => !isReplaced(volume))
  const kept = new Set(volumes.map(({ name }) => name))
  function clean({ volumeMounts = [], ...container }: Container): Container {
    const mounts = volumeMounts.filter((mount) => isKept(mount, kept))
    return {
      ...container,
      env: (container.env ?? []).filter((variable) => !isRewritten(variable)),
      // kube-apiserver stores no empty list.
      ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
    }
  }
  return {
    ...spec,
    volumes,
    initContainers: (spec.initContainers ?? [])
      .filter(({ name }) => name !== SIDECAR_CONTAINER)
      .map(clean),
    containers: spec.containers.map(clean),
  }
}

function isReplaced(volume: Volume): boolean {
  return RESERVED_VOLUMES.includes(volume.name) || volume.name.startsWith(BUILT_IN_TOKEN_PREFIX)
}

function isRewritten(variable: Named): boolean {
  return CLIENT_ENVIRONMENT.some(({ name }) => name === variable.name)
}

function isKept(mount: VolumeMount, volumes: ReadonlySet<string>): boolean {
  return volumes.has(mount.name) && withoutSlash(mount.mountPath) !== SERVICE_ACCOUNT_PATH
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? withoutSlash(path.slice(0, -1)) : path
}

/**
 * Whether the pod is meant to talk to the API server. Where its author or its service account says
 * `automountServiceAccountToken: false`, the built-in admission mounts nothing where clients look, and
 * then neither do we. Injection says so for every pod, so a pod that was injected before is known by
 * our mount; a pod that claims less than it had only gets less.
 */
function hasCredential(spec: PodSpec): boolean {
  const built = (spec.volumes ?? []).some(({ name }) => name.startsWith(BUILT_IN_TOKEN_PREFIX))
  const mounts = [...(spec.initContainers ?? []), ...spec.containers]
    .filter(({ name }) => name !== SIDECAR_CONTAINER)
    .flatMap(({ volumeMounts }) => volumeMounts ?? [])
  return built || mounts.some(({ mountPath }) => withoutSlash(mountPath) === SERVICE_ACCOUNT_PATH)
}

/** The address alone, which is worth nothing without a token. */
function withAddress(container: Container): Container {
  return { ...container, env: [...CLIENT_ENVIRONMENT, ...(container.env ?? [])] }
}

/**
 * The mount at exactly this path keeps the built-in ServiceAccount admission, which runs again
 * after a webhook, from adding one with a real token.
 */
function pointAtSidecar(container: Container): Container {
  const own: VolumeMount = {
    name: RUN_VOLUME,
    mountPath: SERVICE_ACCOUNT_PATH,
    subPath: `containers/${container.name}`,
    readOnly: true,
  }
  return {
    ...withAddress(container),
    volumeMounts: [own, ...(container.volumeMounts ?? [])],
  }
}

/** Drops every annotation of our group, which only we may write, and adds ours. */
function withHints(
  metadata: Pod['metadata'],
  hints: Readonly<Record<string, string>>,
): Pod['metadata'] {
  const own = Object.entries(metadata.annotations ?? {}).filter(([key]) => !isOurs(key))
  return { ...metadata, annotations: { ...Object.fromEntries(own), ...hints } }
}

function isOurs(key: string): boolean {
  const [prefix = ''] = key.split('/')
  return prefix === LANYARD_GROUP || prefix.endsWith(`.${LANYARD_GROUP}`)
}
