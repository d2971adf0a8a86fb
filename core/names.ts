/** The API group of Lanyard's own objects; every other name that carries it is made from this one. */
export const LANYARD_GROUP = 'lanyard.dev'
/** The aggregated API that people read through kube-apiserver. */
export const ACCESS_GROUP = `access.${LANYARD_GROUP}`
export const ACCESS_VERSION = 'v1alpha1'

/**
 * The aggregated API that the webhooks are behind: nobody but kube-apiserver has a use for it.
 * kube-apiserver shows its certificate to an aggregated API, and no credential to an ordinary webhook.
 */
export const ADMISSION_GROUP = `admission.${LANYARD_GROUP}`
export const ADMISSION_VERSION = 'v1alpha1'
export const ADMISSION_ROOT = `/apis/${ADMISSION_GROUP}/${ADMISSION_VERSION}`

/** Where the control plane and the injector run. */
export const SYSTEM_NAMESPACE = 'lanyard-system'
/** Namespaces never injected, whatever labels they carry. By name: a tenant can set a label. */
export const EXEMPT_NAMESPACES: readonly string[] = [SYSTEM_NAMESPACE, 'kube-system']

/** Namespace label that opts in. */
export const INJECTION_LABEL = `${LANYARD_GROUP}/injection`
export const INJECTION_ENABLED = 'enabled'
/** Namespace label: `observe` records what would have been decided and lets requests pass. */
export const MODE_LABEL = `${LANYARD_GROUP}/mode`
export const MODE_OBSERVE = 'observe'

/** Hints for people on a pod. They grant nothing. */
export const ROOT_REQUESTER_ANNOTATION = `${LANYARD_GROUP}/root-requester`
export const CHAIN_ANNOTATION = `${LANYARD_GROUP}/chain`

/** Audience of the pod-bound tokens with which sidecars and the injector prove who they are. */
export const CONTROL_PLANE_AUDIENCE = 'lanyard-control-plane'

export const SIDECAR_CONTAINER = 'lanyard-sidecar'
export const CONTROL_PLANE_SERVICE = 'lanyard-control-plane'
export const INJECTOR_SERVICE = 'lanyard-injector'
export const INJECTOR_SERVICE_ACCOUNT = 'lanyard-injector'
/** Secret in the system namespace that holds Lanyard's own certificate authority, with its key. */
export const CERTIFICATE_AUTHORITY_SECRET = 'lanyard-ca'
/** ConfigMap in the system namespace with the authority's certificate, for whoever trusts it. */
export const CERTIFICATE_AUTHORITY_CONFIG_MAP = 'lanyard-ca'
/** Its key there. */
export const CERTIFICATE_AUTHORITY_KEY = 'ca.crt'

/** Extra key with which kube-apiserver names the pod that a token is bound to. Source: Kubernetes
 * pkg/authentication/serviceaccount (PodUIDKey). */
export const POD_UID_EXTRA = 'authentication.kubernetes.io/pod-uid'

/** Annotation of a pod or a namespace: the memory limit of sidecars. */
export const MEMORY_LIMIT_ANNOTATION = `${LANYARD_GROUP}/sidecar-memory-limit`
