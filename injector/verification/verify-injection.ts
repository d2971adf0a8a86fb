import { isDeepStrictEqual } from 'node:util'
import { SIDECAR_CONTAINER } from '../../core/names.ts'
import { isOwnFolderMount } from '../../core/pods/hand-projected-token.ts'
import { allContainers, type Container, type Pod, type PodSpec } from '../../core/pods/pod.ts'
import { serviceNameFinding } from '../../core/pods/service-name.ts'
import { CLIENT_ENVIRONMENT, RESERVED_VOLUMES } from '../../core/pods/sidecar-contract.ts'
import { isAuthorsAnnotation, isOurs, replacedVolumes } from '../injection/inject-sidecar.ts'
import { isClientEnvironment } from '../injection/point-at-sidecar.ts'
import {
  type SidecarOptions,
  settingVariable,
  sidecarContainer,
  sidecarVolumes,
} from '../injection/sidecar-container.ts'
import { type Finding, sidecarFinding } from './sidecar-differences.ts'

/** What validation found out about a pod that other webhooks may have changed. */
export interface InjectionReview {
  /** What must not be, with its JSON path from the pod. */
  readonly finding: Finding | undefined
  /** Init containers that were added afterwards and have no way to the API. */
  readonly notPointed: readonly string[]
}

/**
 * Compares a pod with what injection makes of it. Mutation drops whatever a tenant wrote under our
 * names, so what differs came from another mutating webhook, and whoever may write those is trusted not
 * to attack; but neither the sidecar nor the pointing of an app container may be hurt by accident. What
 * may differ is written in sidecar-differences.ts for the sidecar; everywhere else all but these:
 *
 * - volumes of our names are ours, and none is left that injection replaces;
 * - no token is mounted automatically;
 * - each app container has the sidecar's address, and of our volumes its own folder at most. One without
 *   that folder has no credential at all;
 * - the API server's name leads to where the sidecar listens for it, if it listens;
 * - annotations of our group are `hints` and what people write.
 */
export function verifyInjection(
  pod: Pod,
  options: SidecarOptions,
  hints: Readonly<Record<string, string>>,
): InjectionReview {
  const { spec } = pod
  const notPointed = (spec.initContainers ?? [])
    .filter((one) => one.name !== SIDECAR_CONTAINER && isUntouched(one))
    .map(({ name }) => name)
  const finding =
    annotationFinding(pod, hints) ??
    podFinding(spec) ??
    volumeFinding(spec) ??
    containersFinding(spec, notPointed) ??
    sidecarsFinding(spec, options, notPointed)
  return { finding, notPointed }
}

function annotationFinding(
  { metadata }: Pod,
  hints: Readonly<Record<string, string>>,
): Finding | undefined {
  const ours = Object.entries(metadata.annotations ?? {}).filter(([key]) => isOurs(key))
  const found = ours.find(([key, value]) => !isAuthorsAnnotation(key) && hints[key] !== value)
  if (found === undefined) return undefined
  return { field: `metadata.annotations.${found[0]}`, why: 'is not what injection wrote' }
}

function podFinding({ automountServiceAccountToken }: PodSpec): Finding | undefined {
  if (automountServiceAccountToken === false) return undefined
  return { field: 'spec.automountServiceAccountToken', why: 'is not false' }
}

function volumeFinding(spec: PodSpec): Finding | undefined {
  const volumes = spec.volumes ?? []
  const missing = sidecarVolumes().find(({ name }) => !volumes.some((one) => one.name === name))
  if (missing !== undefined) return { field: 'spec.volumes', why: `has lost ${missing.name}` }
  const replaced = replacedVolumes(spec)
  for (const [index, volume] of volumes.entries()) {
    const own = sidecarVolumes().find(({ name }) => name === volume.name)
    const again = volumes.findIndex(({ name }) => name === volume.name) !== index
    const wrong = own === undefined ? replaced.has(volume.name) : !isDeepStrictEqual(own, volume)
    if (wrong || (own !== undefined && again)) {
      return { field: `spec.volumes[${index}]`, why: `${volume.name} is not what injection wrote` }
    }
  }
  return undefined
}

/** A container of which injection has seen nothing: it has nothing of ours and no credential. */
function isUntouched({ env, volumeMounts }: Container): boolean {
  return (
    !(env ?? []).some(isClientEnvironment) &&
    !(volumeMounts ?? []).some(({ name }) => RESERVED_VOLUMES.includes(name))
  )
}

function containersFinding(spec: PodSpec, notPointed: readonly string[]): Finding | undefined {
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      if (container.name === SIDECAR_CONTAINER) continue
      if (list === 'initContainers' && notPointed.includes(container.name)) continue
      const found = pointingFinding(container)
      if (found === undefined) continue
      return { field: `spec.${list}[${index}].${found.field}`, why: found.why }
    }
  }
  return undefined
}

/**
 * Every one of the variables must be ours, since kubelet takes the last; where each stands does not
 * matter: one that refers to an earlier one then has the cluster's address, where it has no credential.
 */
function pointingFinding(container: Container): Finding | undefined {
  const env = container.env ?? []
  for (const [index, one] of env.entries()) {
    const own = CLIENT_ENVIRONMENT.find(({ name }) => name === one.name)
    if (own !== undefined && !isDeepStrictEqual(own, one)) {
      return { field: `env[${index}]`, why: `${one.name} does not lead to the sidecar` }
    }
  }
  const missing = CLIENT_ENVIRONMENT.find(({ name }) => !env.some((one) => one.name === name))
  if (missing !== undefined) {
    return {
      field: 'env',
      why: `${missing.name} is missing: the container is not led to the sidecar`,
    }
  }
  const wrong = (container.volumeMounts ?? []).findIndex(
    (mount) => RESERVED_VOLUMES.includes(mount.name) && !isOwnFolderMount(container, mount),
  )
  if (wrong < 0) return undefined
  return {
    field: `volumeMounts[${wrong}]`,
    why: "is not the container's own folder of the sidecar's",
  }
}

function sidecarsFinding(
  spec: PodSpec,
  options: SidecarOptions,
  notPointed: readonly string[],
): Finding | undefined {
  const all = spec.initContainers ?? []
  const index = all.findIndex(({ name }) => name === SIDECAR_CONTAINER)
  const have = all[index]
  if (have === undefined) return { field: 'spec.initContainers', why: 'the sidecar is missing' }
  if (all.some(({ name }, at) => name === SIDECAR_CONTAINER && at !== index)) {
    return { field: 'spec.initContainers', why: 'there are two sidecars' }
  }
  const served = servedBy(have)
  const names = allContainers(spec)
    .map(({ name }) => name)
    .filter((name) => name !== SIDECAR_CONTAINER)
  const pointed = names.filter((name) => !notPointed.includes(name))
  const unknown = served.find((name) => !names.includes(name))
  const forgotten = pointed.find((name) => !served.includes(name))
  const wrong = unknown ?? forgotten
  if (wrong !== undefined) {
    return {
      field: `spec.initContainers[${index}].env`,
      why: `${settingVariable('containers')} and ${wrong}`,
    }
  }
  const listensByName = (have.env ?? []).some(
    ({ name }) => name === settingVariable('serviceNameAddress'),
  )
  const want = sidecarContainer(options, served, {}, listensByName)
  const found = sidecarFinding(want, have, options)
  if (found === undefined) return serviceNameFinding(spec, listensByName)
  return { ...found, field: `spec.initContainers[${index}].${found.field}` }
}

function servedBy({ env }: Container): readonly string[] {
  const list = (env ?? []).find(({ name }) => name === settingVariable('containers'))?.value ?? ''
  return list.split(',')
}
