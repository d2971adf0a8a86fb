import { isDeepStrictEqual } from 'node:util'
import type { Container, EnvVar, SecurityContext, VolumeMount } from '../../core/pods/pod.ts'
import { whyTooLittle } from '../../core/pods/sidecar-resources.ts'
import { firstDifference } from '../admission/json-patch.ts'
import type { SidecarOptions } from '../injection/sidecar-container.ts'
import { readerInSidecar } from './sidecar-environment.ts'
import { isSameImage } from './sidecar-image.ts'
import { whyNotMount } from './sidecar-mounts.ts'

/** A field of the sidecar that somebody changed in a way that could hurt, and why. */
export interface Finding {
  /** Under the container, such as `image`. */
  readonly field: string
  readonly why: string
}

type Judge = (want: Container, have: Container, options: SidecarOptions) => Finding | undefined

/**
 * What other webhooks may do to the sidecar, field by field. Everything that is not here must be as
 * injection wrote it, fields of later versions of Kubernetes too.
 */
const TOLERATED: Readonly<Record<string, Judge>> = {
  // kubelet pulls it when it is told; what is pulled is the image that is judged.
  imagePullPolicy: () => undefined,
  image(want, { image }, { imageMirrors }) {
    if (isSameImage(want.image ?? '', image, imageMirrors)) return undefined
    return { field: 'image', why: 'is not the image of the sidecar' }
  },
  env: judgeEnvironment,
  volumeMounts: judgeMounts,
  resources(_want, { resources }, options) {
    const why = whyTooLittle(resources, options)
    return why === undefined ? undefined : { field: 'resources', why }
  },
  // What kubelet does when resources change while it runs.
  resizePolicy: () => undefined,
  securityContext: judgeSecurity,
  terminationMessagePolicy(_want, have) {
    const known = ['File', 'FallbackToLogsOnError'].includes(
      String(have['terminationMessagePolicy']),
    )
    return known ? undefined : { field: 'terminationMessagePolicy', why: 'is unknown' }
  },
}

/**
 * The first field in which a sidecar differs from what injection wrote and that could hurt it;
 * undefined when none does. `want` has no resources, so that those are judged whatever they are.
 */
export function sidecarFinding(
  want: Container,
  have: Container,
  options: SidecarOptions,
): Finding | undefined {
  for (const field of new Set([...Object.keys(want), ...Object.keys(have)])) {
    const judge = Object.hasOwn(TOLERATED, field) ? TOLERATED[field] : undefined
    if (isDeepStrictEqual(want[field], have[field])) continue
    const found = judge === undefined ? changed(want, have, field) : judge(want, have, options)
    if (found !== undefined) return found
  }
  return undefined
}

function changed(want: Container, have: Container, field: string): Finding {
  const place = firstDifference(want[field], have[field]) ?? ''
  return { field: `${field}${place}`, why: 'is not what injection wrote' }
}

/** Ours with our values, wherever they stand: kubelet takes the last of a name. Others if nobody reads them. */
function judgeEnvironment(want: Container, have: Container): Finding | undefined {
  const ours = new Map((want.env ?? []).map((one) => [one.name, one]))
  const there = have.env ?? []
  const missing = [...ours.keys()].find((name) => !there.some((one) => one.name === name))
  if (missing !== undefined) return { field: 'env', why: `has lost ${missing}` }
  for (const [index, one] of there.entries()) {
    const own = ours.get(one.name)
    const reader = own === undefined ? readerInSidecar(one.name) : undefined
    if (own !== undefined && !isDeepStrictEqual(own, one)) {
      return { field: `env[${index}]`, why: `${one.name} is not what injection wrote` }
    }
    const from = usesOurs(one)
    if (reader !== undefined) {
      return { field: `env[${index}]`, why: `${one.name} is read by the sidecar (${reader})` }
    }
    if (from) return { field: `env[${index}]`, why: `${one.name} reads a volume of the sidecar` }
  }
  return undefined
}

function usesOurs({ valueFrom }: EnvVar): boolean {
  return valueFrom?.fileKeyRef !== undefined
}

function judgeMounts(want: Container, have: Container): Finding | undefined {
  const ours = (want.volumeMounts ?? []) as readonly VolumeMount[]
  const there = have.volumeMounts ?? []
  const missing = ours.find((own) => !there.some((one) => isDeepStrictEqual(own, one)))
  if (missing !== undefined) {
    return { field: 'volumeMounts', why: `has lost or changed ${missing.mountPath}` }
  }
  for (const [index, one] of there.entries()) {
    if (ours.some((own) => isDeepStrictEqual(own, one))) continue
    const why = whyNotMount(one)
    if (why !== undefined) return { field: `volumeMounts[${index}]`, why }
  }
  return undefined
}

/** Fields that only take rights away, and the values with which they do. */
const STRICTER: Readonly<Record<string, (value: unknown) => boolean>> = {
  appArmorProfile: isConfined,
  procMount: (value) => value === 'Default',
  seccompProfile: isConfined,
  // A label that a cluster gives to each namespace, as OpenShift does; a type could free it.
  seLinuxOptions: (value) => Object.keys(value as object).every((key) => key === 'level'),
}

function isConfined(value: unknown): boolean {
  return ['RuntimeDefault', 'Localhost'].includes(String((value as { type?: unknown }).type))
}

function judgeSecurity(want: Container, have: Container): Finding | undefined {
  const [wanted, there] = [want.securityContext ?? {}, have.securityContext ?? {}]
  const found = [...new Set([...Object.keys(wanted), ...Object.keys(there)])].find(
    (field) => !isAsStrict(field, wanted, there),
  )
  if (found === undefined) return undefined
  return { field: `securityContext.${found}`, why: 'is less strict than injection wrote' }
}

function isAsStrict(field: string, want: SecurityContext, have: SecurityContext): boolean {
  const value = have[field]
  if (isDeepStrictEqual(want[field], value)) return true
  if (value === undefined || value === null) return false
  if (field === 'capabilities') {
    const { add, drop, ...others } = have.capabilities ?? {}
    const none = (add ?? []).length === 0 && Object.keys(others).length === 0
    return none && (drop ?? []).includes('ALL')
  }
  return Object.hasOwn(STRICTER, field) && (STRICTER[field]?.(value) ?? false)
}
