import { posix } from 'node:path'
import type { VolumeMount } from '../../core/pods/pod.ts'
import { RUN_PATH, SECRETS_PATH } from '../../core/pods/sidecar-contract.ts'

/**
 * Where the sidecar's program, its libraries and what they read lie, and what injection mounts. A mount
 * at, above or below one of them could exchange it.
 */
const PROTECTED = [
  '/app',
  '/bin',
  '/dev',
  '/etc/gai.conf',
  '/etc/group',
  '/etc/host.conf',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/ld.so.preload',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/resolv.conf',
  '/etc/ssl/openssl.cnf',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/proc',
  '/sbin',
  '/sys',
  '/usr',
  RUN_PATH,
  SECRETS_PATH,
  // The same where /var/run leads to /run.
  withoutVar(RUN_PATH),
  withoutVar(SECRETS_PATH),
]

function withoutVar(path: string): string {
  return path.replace(/^\/var/, '')
}

/** Below them, but files of data that webhooks bring to every container: time zones and authorities. */
const DATA = [
  '/etc/localtime',
  '/etc/ssl/certs',
  '/usr/local/share/ca-certificates',
  '/usr/share/ca-certificates',
  '/usr/share/zoneinfo',
]

/** Why a mount that another webhook added to the sidecar cannot stay; undefined when it can. */
export function whyNotMount(mount: VolumeMount): string | undefined {
  const path = posix.resolve('/', mount.mountPath)
  const isData = DATA.some((own) => within(path, own))
  const covered = isData ? undefined : PROTECTED.find((own) => overlaps(own, path))
  if (covered !== undefined) return `overlaps ${covered} of the sidecar`
  const propagation = mount['mountPropagation'] ?? 'None'
  return propagation === 'Bidirectional' ? 'propagates to the node' : undefined
}

function overlaps(one: string, other: string): boolean {
  return within(one, other) || within(other, one)
}

function within(inner: string, outer: string): boolean {
  return inner === outer || outer === '/' || inner.startsWith(`${outer}/`)
}
