import { isDeepStrictEqual } from 'node:util'
import { API_AUDIENCES } from '../kubernetes/api-audiences.ts'
import {
  allContainers,
  type Container,
  type PodSpec,
  type Volume,
  type VolumeMount,
  type VolumeSource,
} from './pod.ts'
import { RESERVED_VOLUMES, RUN_VOLUME, SERVICE_ACCOUNT_PATH } from './sidecar-contract.ts'

/*
 * Hardened charts switch the automatic mount off and project the same three files by hand, at the same
 * path or, for a program that is told where, at another. Such a volume is led to the sidecar as the
 * automatic one is.
 */

/** kube-controller-manager publishes it in each namespace (RootCAConfigMap, v1.34). */
const ROOT_CA = 'kube-root-ca.crt'

/**
 * Names of the volumes that hold what the automatic one holds and no more, and are mounted where API
 * clients look, or whole at other places. The sidecar writes the same files, so nothing is missing without
 * them. A token elsewhere that comes without the authority of the API server may be meant for somebody
 * else, who would not know the sidecar's: it does not count.
 */
export function handProjectedTokens(spec: PodSpec): readonly string[] {
  const mounts = allContainers(spec).flatMap((container) =>
    (container.volumeMounts ?? []).map((mount) => ({ container, mount })),
  )
  return (spec.volumes ?? []).filter(isHandProjected).flatMap((volume) => {
    const own = mounts.filter(({ mount }) => mount.name === volume.name)
    const elsewhere = isForClients(volume)
    const led = own.every(
      ({ container, mount }) =>
        isServiceAccountPath(mount) || (elsewhere && isWhole(container, mount)),
    )
    return own.length > 0 && led ? [volume.name] : []
  })
}

/** Whether a volume is mounted where API clients look for their credentials. */
export function isServiceAccountPath({ mountPath }: Pick<VolumeMount, 'mountPath'>): boolean {
  return withoutSlash(mountPath) === SERVICE_ACCOUNT_PATH
}

/** What the sidecar wrote for this container, at a path of its choice. */
export function ownFolderMount(
  { name }: Pick<Container, 'name'>,
  mountPath: string,
): VolumeMount & { readonly subPath: string } {
  return { name: RUN_VOLUME, mountPath, subPath: `containers/${name}`, readOnly: true }
}

/** Whether a mount is just that. */
export function isOwnFolderMount(container: Pick<Container, 'name'>, mount: VolumeMount): boolean {
  return isDeepStrictEqual(mount, ownFolderMount(container, mount.mountPath))
}

/**
 * Whether the files of a volume appear under their names. A second `kubectl apply` merges the author's
 * mount with ours, so that it has our subPath, which no such volume has.
 */
function isWhole(container: Pick<Container, 'name'>, mount: VolumeMount): boolean {
  const { subPath, subPathExpr } = mount
  const { subPath: merged } = ownFolderMount(container, mount.mountPath)
  return isAbsent(subPathExpr) && (isAbsent(subPath) || subPath === '' || subPath === merged)
}

/** Whether a volume has besides a token what only clients of the API server need. */
function isForClients({ projected }: Volume): boolean {
  return (projected?.sources ?? []).some((source) => !isAbsent((source as Sources).configMap))
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
