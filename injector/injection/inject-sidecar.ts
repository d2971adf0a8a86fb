import { LANYARD_GROUP, SIDECAR_CONTAINER } from '../../core/names.ts'
import { handProjectedTokens, isServiceAccountPath } from '../../core/pods/hand-projected-token.ts'
import { type NamespaceLimits, NO_LIMITS } from '../../core/pods/namespace-limits.ts'
import { allContainers, type Container, type Pod, type PodSpec } from '../../core/pods/pod.ts'
import {
  isServiceNameAnnotation,
  mayLeadServiceName,
  withoutServiceName,
  withServiceName,
} from '../../core/pods/service-name.ts'
import { BUILT_IN_TOKEN_PREFIX, RESERVED_VOLUMES } from '../../core/pods/sidecar-contract.ts'
import { isResourceAnnotation, sidecarResources } from '../../core/pods/sidecar-resources.ts'
import { withRoomForAll } from './pod-resources.ts'
import { pointAtSidecar } from './point-at-sidecar.ts'
import {
  type SidecarOptions,
  settingVariable,
  sidecarContainer,
  sidecarVolumes,
} from './sidecar-container.ts'

/**
 * Adds the sidecar and points every other container at it. Pure and idempotent: webhooks are run
 * again. Ours comes first in each list, so that whatever another webhook appends afterwards moves
 * nothing. Whatever the pod brings under our names is dropped, whoever put it there.
 */
export function injectSidecar(
  before: Pod,
  options: SidecarOptions,
  hints: Readonly<Record<string, string>>,
  limits: NamespaceLimits = NO_LIMITS,
): Pod {
  const byName = options.serviceName && mayLeadServiceName(before)
  const pod = byName ? withServiceName(before) : withoutServiceName(before)
  const { spec } = pod
  const replaced = replacedVolumes(spec)
  // A volume that is not there any more cannot be mounted.
  const kept = (spec.volumes ?? []).filter(({ name }) => !replaced.has(name))
  const names = new Set(kept.map(({ name }) => name))
  const credential = whoHasCredential(spec)
  const led = handProjectedTokens(spec)
  const point = (container: Container): Container =>
    pointAtSidecar(container, {
      credential: credential(container),
      dropped: (volume) => !names.has(volume),
      led: (volume) => led.includes(volume),
    })
  const initContainers = (spec.initContainers ?? []).filter(isNotSidecar).map(point)
  const containers = spec.containers.map(point)
  const served = [...initContainers, ...containers].map(({ name }) => name)
  const resources = sidecarResources({ ...pod, spec: { ...spec, initContainers } }, options, limits)
  return {
    ...pod,
    metadata: withHints(pod.metadata, hints),
    spec: withRoomForAll({
      ...spec,
      automountServiceAccountToken: false,
      volumes: [...sidecarVolumes(), ...kept],
      initContainers: [sidecarContainer(options, served, resources, byName), ...initContainers],
      containers,
    }),
  }
}

/** Names of volumes that injection takes out: ours, the built-in token's, and such by hand. */
export function replacedVolumes(spec: PodSpec): ReadonlySet<string> {
  const builtIn = (spec.volumes ?? []).filter(({ name }) => isBuiltIn(name))
  return new Set([
    ...RESERVED_VOLUMES,
    ...builtIn.map(({ name }) => name),
    ...handProjectedTokens(spec),
  ])
}

function isBuiltIn(name: string): boolean {
  return name.startsWith(BUILT_IN_TOKEN_PREFIX)
}

function isNotSidecar({ name }: Container): boolean {
  return name !== SIDECAR_CONTAINER
}

/**
 * Which containers are meant to talk to the API server. The built-in admission gives a token to all or,
 * where the pod's author or its service account says `automountServiceAccountToken: false`, to none;
 * then those have one that mount something where clients look. Injection switches the automatic mount
 * off, so in a pod that was injected before, a container that a webhook added since is treated like the
 * others. A pod that names fewer containers than before gets fewer tokens, never more.
 */
function whoHasCredential(spec: PodSpec): (container: Container) => boolean {
  const others = allContainers(spec).filter(isNotSidecar)
  if ((spec.volumes ?? []).some(({ name }) => isBuiltIn(name))) return () => true
  const before = others.filter(({ name }) => servedBefore(spec).includes(name))
  const all = before.length > 0 && before.every(hasCredential)
  return (container) => hasCredential(container) || (all && !before.includes(container))
}

function hasCredential({ volumeMounts }: Container): boolean {
  return (volumeMounts ?? []).some(isServiceAccountPath)
}

/** The containers that were there when the pod was injected the last time; empty for the first. */
function servedBefore({ initContainers }: PodSpec): readonly string[] {
  return (initContainers ?? [])
    .filter((container) => !isNotSidecar(container))
    .flatMap(({ env }) => env ?? [])
    .filter(({ name }) => name === settingVariable('containers'))
    .flatMap(({ value }) => (value ?? '').split(','))
}

/** Drops every annotation of our group, which only we may write, but those that are for people. */
function withHints(
  metadata: Pod['metadata'],
  hints: Readonly<Record<string, string>>,
): Pod['metadata'] {
  const own = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !isOurs(key) || isAuthorsAnnotation(key),
  )
  return { ...metadata, annotations: { ...Object.fromEntries(own), ...hints } }
}

/** Whether an annotation of our group is for a pod's author to write. */
export function isAuthorsAnnotation(key: string): boolean {
  return isResourceAnnotation(key) || isServiceNameAnnotation(key)
}

/** Whether only Lanyard writes an annotation of this name, but for those of `isAuthorsAnnotation`. */
export function isOurs(key: string): boolean {
  const [prefix = ''] = key.split('/')
  return prefix === LANYARD_GROUP || prefix.endsWith(`.${LANYARD_GROUP}`)
}
