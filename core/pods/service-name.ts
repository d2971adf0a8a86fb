import { isDeepStrictEqual } from 'node:util'
import { LANYARD_GROUP, SIDECAR_CONTAINER } from '../names.ts'
import { allContainers, type Container, type HostAlias, type Pod, type PodSpec } from './pod.ts'

/*
 * Programs that call the API server by its name and not by the variables. The pod's `/etc/hosts` leads
 * the name to an address of loopback where the sidecar listens too. Both are fields that anybody may set
 * and the restricted Pod Security Standard allows; the sidecar needs no capability.
 */

/** An address of its own, so that a program of the pod may listen on 127.0.0.1:443. */
const SERVICE_NAME_HOST = '127.100.0.1'
const SERVICE_NAME_PORT = 443
export const SERVICE_NAME_ADDRESS = `${SERVICE_NAME_HOST}:${SERVICE_NAME_PORT}`

/** Names of the API server's Service that are the same in every cluster and are in the certificate. */
export const SERVICE_NAMES: readonly string[] = [
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]
const ALIAS: HostAlias = { ip: SERVICE_NAME_HOST, hostnames: SERVICE_NAMES }

const SYSCTL_NAME = 'net.ipv4.ip_unprivileged_port_start'
/**
 * What containerd 2, CRI-O and Docker give to every pod by default. 443 would take lower ports from
 * programs that run as a user and have them there.
 */
const SYSCTL = { name: SYSCTL_NAME, value: '0' }

/** The annotation with which a pod's author keeps the name as it is; see `whyNotServiceName`. */
const ANNOTATION = `${LANYARD_GROUP}/service-name`
const CHOICES = ['enabled', 'disabled']

/** Whether an annotation of ours is the author's word on the API server's name. */
export function isServiceNameAnnotation(key: string): boolean {
  return key === ANNOTATION
}

/** Why the author's word cannot be followed; undefined when it can. */
export function whyNotServiceName(
  annotations: Readonly<Record<string, string>>,
): string | undefined {
  const choice = annotations[ANNOTATION]
  if (choice === undefined || CHOICES.includes(choice)) return undefined
  return `the annotation ${ANNOTATION} is ${JSON.stringify(choice.slice(0, 40))}; write ${CHOICES.join(' or ')}`
}

/**
 * Whether injection may lead the API server's name to the sidecar. Not where that would take from the
 * pod what it has: port 443 on all addresses, the name, the address, or the sysctl. What injection wrote
 * before does not count.
 */
export function mayLeadServiceName(pod: Pod): boolean {
  const { metadata, spec } = withoutServiceName(pod)
  if (metadata.annotations?.[ANNOTATION] === 'disabled') return false
  const taken = (spec.hostAliases ?? []).some(
    ({ ip, hostnames }) =>
      ip === SERVICE_NAME_HOST || (hostnames ?? []).some((name) => SERVICE_NAMES.includes(name)),
  )
  const others = allContainers(spec).filter(({ name }) => name !== SIDECAR_CONTAINER)
  return !taken && !sysctlsOf(spec).some(isOwnSysctl) && !others.some(servesPort)
}

/** The pod with the name led to the sidecar. Ours come first, so that additions move nothing. */
export function withServiceName(pod: Pod): Pod {
  const { spec, ...rest } = withoutServiceName(pod)
  return {
    ...rest,
    spec: {
      ...spec,
      hostAliases: [ALIAS, ...(spec.hostAliases ?? [])],
      securityContext: { ...spec.securityContext, sysctls: [SYSCTL, ...sysctlsOf(spec)] },
    },
  }
}

/** The pod without what an earlier injection wrote. A sysctl without our alias is the author's. */
export function withoutServiceName(pod: Pod): Pod {
  const { hostAliases, securityContext, ...spec } = pod.spec
  if (!(hostAliases ?? []).some(isOwnAlias)) return pod
  const aliases = (hostAliases ?? []).filter((one) => !isOwnAlias(one))
  const sysctls = sysctlsOf(pod.spec).filter((one) => !isDeepStrictEqual(one, SYSCTL))
  const { sysctls: _, ...security } = securityContext ?? {}
  return {
    ...pod,
    spec: {
      ...spec,
      ...(aliases.length === 0 ? {} : { hostAliases: aliases }),
      securityContext: { ...security, ...(sysctls.length === 0 ? {} : { sysctls }) },
    },
  }
}

/**
 * What another webhook did to the way from the name to the sidecar; undefined when it is whole, or there
 * is none and none is begun. Other names, addresses and sysctls may be added.
 */
export function serviceNameFinding(
  spec: PodSpec,
  listens: boolean,
): { readonly field: string; readonly why: string } | undefined {
  const aliases = spec.hostAliases ?? []
  const own = aliases.filter(isOwnAlias).length
  if (!listens) {
    if (own === 0) return undefined
    return { field: 'spec.hostAliases', why: 'leads to where the sidecar does not listen' }
  }
  if (own === 0) return { field: 'spec.hostAliases', why: `has lost ${SERVICE_NAME_HOST}` }
  const other = aliases.findIndex(
    (one, index) =>
      (one.hostnames ?? []).some((name) => SERVICE_NAMES.includes(name)) &&
      index !== aliases.findIndex(isOwnAlias),
  )
  if (other >= 0) return { field: `spec.hostAliases[${other}]`, why: 'names the API server again' }
  const sysctls = sysctlsOf(spec).filter(isOwnSysctl)
  if (sysctls.length === 1 && isDeepStrictEqual(sysctls[0], SYSCTL)) return undefined
  return {
    field: 'spec.securityContext.sysctls',
    why: `does not have ${SYSCTL_NAME} as injection wrote it`,
  }
}

function isOwnAlias(alias: HostAlias): boolean {
  return isDeepStrictEqual(alias, ALIAS)
}

interface Sysctl {
  readonly name?: unknown
}

function sysctlsOf({ securityContext }: PodSpec): readonly Sysctl[] {
  const sysctls = securityContext?.['sysctls']
  return Array.isArray(sysctls) ? sysctls : []
}

/** Kubernetes takes slashes for dots (kubelet's `NormalizeSysctlName`, pkg/kubelet/sysctl, v1.34). */
function isOwnSysctl({ name }: Sysctl): boolean {
  return String(name).replaceAll('/', '.') === SYSCTL_NAME
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe']
const HOOKS = ['postStart', 'preStop']
const ACTIONS = ['httpGet', 'tcpSocket', 'grpc']

/** Whether a container says, by a port, a probe or a hook, that it listens on 443. */
function servesPort(container: Container): boolean {
  const lifecycle = fieldsOf(container['lifecycle'])
  const handlers = [
    ...PROBES.map((name) => container[name]),
    ...HOOKS.map((name) => lifecycle[name]),
  ]
  const called = handlers.flatMap((handler) =>
    ACTIONS.map((action) => fieldsOf(fieldsOf(handler)[action])['port']),
  )
  const declared = (container.ports ?? []).map(({ containerPort }) => containerPort)
  return [...declared, ...called].some((port) => Number(port) === SERVICE_NAME_PORT)
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
