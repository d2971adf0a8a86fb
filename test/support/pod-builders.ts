import { NO_LIMITS } from '../../core/pods/namespace-limits.ts'
import type { Container, Pod, PodSpec } from '../../core/pods/pod.ts'
import type { AdmissionRequest } from '../../injector/admission/admission-review.ts'
import type { SidecarOptions } from '../../injector/injection/sidecar-container.ts'
import type { PodReviewDeps } from '../../injector/review/review-pod.ts'

/** What an installation chooses about its sidecars, in tests. */
export const SIDECAR: SidecarOptions = {
  image: 'registry.example/lanyard-sidecar:1',
  imagePullPolicy: 'IfNotPresent',
  controlPlaneAddress: 'lanyard-control-plane.lanyard-system.svc:8443',
  controlPlaneName: '',
  controlPlaneCa: '-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n',
  apiServerUrl: 'https://10.96.0.1',
  apiServerCa: '-----BEGIN CERTIFICATE-----\napi\n-----END CERTIFICATE-----\n',
  logLevel: 'info',
  serviceName: true,
  readAhead: true,
  shareWatches: true,
  cpuRequest: '10m',
  cpuLimit: '',
  memoryRequest: '64Mi',
  memoryLimit: '160Mi',
  cpuLimitMin: '100m',
  memoryLimitMin: '96Mi',
  cpuMax: '2',
  memoryMax: '1Gi',
  imageMirrors: [],
}

/** What reviews of pods stand on, but for the control plane: nothing that a namespace asks for. */
export const POD_REVIEW: Omit<PodReviewDeps, 'chains'> = {
  sidecar: SIDECAR,
  apiAudiences: [],
  controlPlane: {
    name: SIDECAR.controlPlaneName,
    current: async () => SIDECAR.controlPlaneAddress,
    isKnown: async (address) => address === SIDECAR.controlPlaneAddress,
  },
  limits: { limitsOf: async () => NO_LIMITS },
}

/** The volume and the mount that kube-apiserver's ServiceAccount admission puts into every pod. */
export const BUILT_IN_TOKEN = {
  volume: {
    name: 'kube-api-access-x7k2p',
    projected: {
      defaultMode: 420,
      sources: [{ serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } }],
    },
  },
  mount: {
    name: 'kube-api-access-x7k2p',
    mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
    readOnly: true,
  },
} as const

/** A plain container with these fields. */
export function aContainer(fields: Partial<Container> = {}): Container {
  return { name: 'app', image: 'busybox:1', ...fields }
}

/** A pod as it reaches a webhook: of one container, with the built-in token volume. */
export function aPod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'worker', namespace: 'team', uid: 'pod-uid-1', ...metadata },
    spec: {
      serviceAccountName: 'agent',
      restartPolicy: 'Always',
      containers: [aContainer({ volumeMounts: [BUILT_IN_TOKEN.mount] })],
      volumes: [BUILT_IN_TOKEN.volume],
      ...spec,
    },
  }
}

/** A pod of one app container that has these fields. */
export function aPodWith(container: Partial<Container>): Pod {
  return aPod({ containers: [aContainer(container)] })
}

/** The creation of a pod, with these fields. */
export function anAdmissionRequest(fields: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'review-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: 'pods',
    subresource: '',
    name: '',
    namespace: 'team',
    operation: 'CREATE',
    user: { username: 'alice', uid: '', groups: ['system:authenticated'], extra: {} },
    object: aPod(),
    oldObject: undefined,
    dryRun: false,
    ...fields,
  }
}
