import { API_AUDIENCES } from '../kubernetes/api-audiences.ts'
import {
  allContainers,
  type PodSpec,
  type Volume,
  type VolumeMount,
  type VolumeSource,
} from './pod.ts'
import { RESERVED_VOLUMES, SERVICE_ACCOUNT_PATH } from './sidecar-contract.ts'

/*
 * Hardened charts switch the automatic mount off and project the same three files by hand, at the same
 * path. Such a volume is led to the sidecar as the automatic one is.
 */

/** kube-controller-manager publishes it in each namespace (RootCAConfigMap, v1.34). */
const ROOT_CA = 'kube-root-ca.crt'

/**
 * Names of the volumes that hold what the automatic one holds and no more, and are mounted nowhere but
 * where API clients look. The sidecar writes the same files, so nothing is missing without them.
 */
export function handProjectedTokens(spec: PodSpec): readonly string[] {
  const mounts = allContainers(spec).flatMap(({ volumeMounts }) => volumeMounts ?? [])
  return (spec.volumes ?? []).filter(isHandProjected).flatMap(({ name }) => {
    const own = mounts.filter((mount) => mount.name === name)
    return own.length > 0 && own.every(isServiceAccountPath) ? [name] : []
  })
}

/** Whether a volume is mounted where API clients look for their credentials. */
export function isServiceAccountPath({ mountPath }: Pick<VolumeMount, 'mountPath'>): boolean {
  return withoutSlash(mountPath) === SERVICE_ACCOUNT_PATH
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? withoutSlash(path.slice(0, -1)) : path
}

function isHandProjected({ name, projected }: Volume): boolean {
  const sources = projected?.sources ?? []
  return (
    !RESERVED_VOLUMES.includes(name) &&
    sources.some(({ serviceAccountToken }) => !isAbsent(serviceAccountToken)) &&
    sources.every(isWritten)
  )
}

/** Whether the sidecar writes just what this source does. */
function isWritten(source: VolumeSource): boolean {
  const { serviceAccountToken, configMap, downwardAPI, ...others } = source as Sources
  if (Object.values(others).some((other) => !isAbsent(other))) return false
  return (
    (isAbsent(serviceAccountToken) || isForApiServer(serviceAccountToken)) &&
    (isAbsent(configMap) || (configMap.name === ROOT_CA && areAll(configMap.items, isRootCa))) &&
    (isAbsent(downwardAPI) || areAll(downwardAPI.items, isNamespace))
  )
}

/** A token for somebody else is no credential of an API client, wherever it lies. */
function isForApiServer({ path, audience = '' }: NonNullable<VolumeSource['serviceAccountToken']>) {
  return path === 'token' && (audience === '' || API_AUDIENCES.includes(audience))
}

interface Item {
  readonly key?: string
  readonly path?: string
  readonly fieldRef?: { readonly fieldPath?: string }
}

interface Sources extends VolumeSource {
  readonly configMap?: { readonly name?: string; readonly items?: readonly Item[] }
  readonly downwardAPI?: { readonly items?: readonly Item[] }
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

/** A ConfigMap without items is projected whole, and this one has a single key. */
function areAll(items: readonly Item[] | undefined, holds: (item: Item) => boolean): boolean {
  return (items ?? []).every(holds)
}

function isRootCa({ key, path }: Item): boolean {
  return key === 'ca.crt' && path === 'ca.crt'
}

function isNamespace({ path, fieldRef }: Item): boolean {
  return path === 'namespace' && fieldRef?.fieldPath === 'metadata.namespace'
}
