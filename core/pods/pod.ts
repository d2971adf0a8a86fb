/*
 * The parts of a pod that injection reads or writes. Objects are raw JSON: what is not named here
 * is carried along untouched, whatever version of Kubernetes it comes from.
 */

export interface Named {
  readonly name: string
  readonly [field: string]: unknown
}

export interface VolumeMount extends Named {
  readonly mountPath: string
}

export interface EnvVar extends Named {
  readonly value?: string
  readonly valueFrom?: {
    readonly fileKeyRef?: { readonly volumeName?: string }
    readonly [field: string]: unknown
  }
}

export interface Container extends Named {
  readonly image?: string
  readonly env?: readonly EnvVar[]
  readonly envFrom?: readonly unknown[]
  readonly volumeMounts?: readonly VolumeMount[]
  readonly volumeDevices?: readonly Named[]
  readonly ports?: readonly { readonly containerPort?: number; readonly hostPort?: number }[]
  readonly securityContext?: SecurityContext
  readonly resources?: Resources
}

export interface Resources {
  readonly requests?: Readonly<Record<string, unknown>> | undefined
  readonly limits?: Readonly<Record<string, unknown>> | undefined
  readonly [field: string]: unknown
}

export interface SecurityContext {
  readonly runAsUser?: number
  readonly privileged?: boolean
  readonly procMount?: string
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly windowsOptions?: unknown
  readonly [field: string]: unknown
}

export interface Volume extends Named {
  readonly hostPath?: { readonly path: string }
  readonly projected?: { readonly defaultMode?: number; readonly sources?: readonly VolumeSource[] }
}

export interface VolumeSource {
  readonly serviceAccountToken?: {
    readonly audience?: string
    readonly path: string
    readonly expirationSeconds?: number
  }
  readonly [field: string]: unknown
}

export interface HostAlias {
  readonly ip?: string
  readonly hostnames?: readonly string[]
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly ephemeralContainers?: readonly (Container & { readonly targetContainerName?: string })[]
  readonly volumes?: readonly Volume[]
  readonly securityContext?: SecurityContext
  readonly resources?: Resources
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly shareProcessNamespace?: boolean
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly os?: { readonly name?: string }
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly hostAliases?: readonly HostAlias[]
  readonly [field: string]: unknown
}

export interface ObjectMeta {
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly uid?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly [field: string]: unknown
}

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
}

export interface Pod {
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  readonly [field: string]: unknown
}

/** Init and app containers, in the order in which they start. */
export function allContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}
