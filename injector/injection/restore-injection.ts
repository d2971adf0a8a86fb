import { isDeepStrictEqual } from 'node:util'
import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { handProjectedTokens, isServiceAccountPath } from '../../core/pods/hand-projected-token.ts'
import type { Container, Pod, Volume, VolumeMount } from '../../core/pods/pod.ts'
import { withServiceName } from '../../core/pods/service-name.ts'
import { replacedVolumes } from './inject-sidecar.ts'
import { mountsElsewhere, pointedEnvironment } from './point-at-sidecar.ts'

/**
 * A change to an injected pod, without what would put back the author's own words where injection has
 * written others: kube-apiserver would refuse the change, since these fields of a pod cannot change.
 * `kubectl apply` of the same manifest a second time asks for just that. Everything else of the change
 * stays, for kube-apiserver to judge; the sidecar too.
 */
export function restoreInjection(old: Pod, now: Pod): Pod {
  const injected = (old.spec.initContainers ?? []).some(({ name }) => name === SIDECAR_CONTAINER)
  return injected ? restoredPod(old, withRestoredName(old, now)) : now
}

function restoredPod(old: Pod, now: Pod): Pod {
  const automount = old.spec.automountServiceAccountToken
  const led = handProjectedTokens(now.spec)
  const initContainers = restored(old.spec.initContainers, now.spec.initContainers, led)
  const volumes = restoredVolumes(old, now)
  return {
    ...now,
    spec: {
      ...now.spec,
      ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
      ...(initContainers === undefined ? {} : { initContainers }),
      ...(volumes === undefined ? {} : { volumes }),
      containers: restored(old.spec.containers, now.spec.containers, led) ?? now.spec.containers,
    },
  }
}

/** The way from the API server's name to the sidecar, where the change differs in nothing else there. */
function withRestoredName(old: Pod, now: Pod): Pod {
  const { hostAliases } = old.spec
  const named = withServiceName(now)
  const same =
    isSame(named.spec.hostAliases ?? [], hostAliases) &&
    isDeepStrictEqual(named.spec.securityContext, old.spec.securityContext)
  return same && hostAliases !== undefined
    ? { ...named, spec: { ...named.spec, hostAliases } }
    : now
}

function restored(
  before: readonly Container[] | undefined,
  after: readonly Container[] | undefined,
  led: readonly string[],
): readonly Container[] | undefined {
  return after?.map((container) => {
    const old = before?.find(({ name }) => name === container.name)
    return old === undefined || old.name === SIDECAR_CONTAINER
      ? container
      : restoredContainer(old, container, led)
  })
}

function restoredContainer(old: Container, now: Container, led: readonly string[]): Container {
  const env = isSame(pointedEnvironment(now), old.env) ? old.env : now.env
  const volumeMounts = isSame(withMountsOf(old, now, led), old.volumeMounts)
    ? old.volumeMounts
    : now.volumeMounts
  return {
    ...now,
    ...(env === undefined ? {} : { env }),
    ...(volumeMounts === undefined ? {} : { volumeMounts }),
  }
}

/** What is mounted where API clients look is ours, or nothing; elsewhere ours takes the place of tokens by hand. */
function withMountsOf(
  old: Container,
  now: Container,
  led: readonly string[],
): readonly VolumeMount[] {
  const options = { dropped: () => false, led: (volume: string) => led.includes(volume) }
  return [
    ...(old.volumeMounts ?? []).filter(isServiceAccountPath),
    ...mountsElsewhere(now, options),
  ]
}

function restoredVolumes(old: Pod, now: Pod): readonly Volume[] | undefined {
  const there = (old.spec.volumes ?? []).map(({ name }) => name)
  const replaced = replacedVolumes(now.spec)
  const kept = (now.spec.volumes ?? []).filter(
    ({ name }) => there.includes(name) || !replaced.has(name),
  )
  return isSame(kept, old.spec.volumes) ? old.spec.volumes : now.spec.volumes
}

/** Whether two lists hold the same, in any order. */
function isSame(one: readonly unknown[], other: readonly unknown[] | undefined): boolean {
  const rest = [...(other ?? [])]
  const all = one.every((item) => {
    const at = rest.findIndex((candidate) => isDeepStrictEqual(candidate, item))
    if (at >= 0) rest.splice(at, 1)
    return at >= 0
  })
  return all && rest.length === 0
}
