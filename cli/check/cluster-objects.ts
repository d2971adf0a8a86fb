/* The parts of Kubernetes objects that the checks look at, as JSON brings them. */

interface Meta {
  readonly name: string
  readonly uid?: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly {
    readonly kind: string
    readonly name: string
    readonly controller?: boolean
  }[]
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

export interface ListOf<Item> {
  readonly items: readonly Item[]
}

export interface ApiServiceObject {
  readonly spec: {
    readonly caBundle?: string
    readonly insecureSkipTLSVerify?: boolean
    readonly service?: { readonly namespace: string; readonly name: string }
  }
  readonly status?: { readonly conditions?: readonly Condition[] }
}

export interface WorkloadObject {
  readonly metadata: Meta
  readonly spec: { readonly replicas?: number }
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number }
}

export interface WebhookConfiguration {
  readonly kind?: string
  readonly metadata: Meta
  readonly webhooks?: readonly {
    readonly name: string
    readonly failurePolicy?: string
    readonly clientConfig: {
      readonly service?: {
        readonly namespace: string
        readonly name: string
        readonly path?: string
      }
    }
  }[]
}

export interface PolicyBinding {
  readonly spec: { readonly policyName: string; readonly validationActions?: readonly string[] }
}

export interface CheckedObject {
  readonly metadata: Meta
  readonly status?: { readonly conditions?: readonly Condition[] }
}

export interface NamespaceObject {
  readonly metadata: Meta
}

export interface PodObject {
  readonly metadata: Meta
  readonly spec: { readonly initContainers?: readonly { readonly name: string }[] }
  readonly status?: { readonly phase?: string }
}
