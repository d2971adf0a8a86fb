import { CONTROL_PLANE_AUDIENCE, SIDECAR_CONTAINER } from '../../core/names.ts'
import type { Container, EnvVar, Resources, Volume } from '../../core/pods/pod.ts'
import { SERVICE_NAME_ADDRESS } from '../../core/pods/service-name.ts'
import {
  API_TOKEN_PATH,
  API_TOKEN_VOLUME,
  CONTROL_PLANE_TOKEN_PATH,
  CONTROL_PLANE_TOKEN_VOLUME,
  ENVIRONMENT_PREFIX,
  HEALTH_PORT,
  type InjectedSetting,
  RUN_PATH,
  RUN_VOLUME,
  SIDECAR_UID,
  TOKEN_FILE,
} from '../../core/pods/sidecar-contract.ts'
import type { SidecarAmounts } from '../../core/pods/sidecar-resources.ts'
import { environmentName } from '../../platform/config.ts'

/** What an installation chooses about its sidecars. */
export interface SidecarOptions extends SidecarAmounts {
  readonly image: string
  readonly imagePullPolicy: string
  /** `host:port` of the control plane; an IP, where the pod's own DNS settings must not matter. */
  readonly controlPlaneAddress: string
  /** The name in the control plane's certificate; empty means the host of its address. */
  readonly controlPlaneName: string
  /** PEM of the authorities that the sidecar trusts the control plane by. */
  readonly controlPlaneCa: string
  /** Origin of the API server, https. */
  readonly apiServerUrl: string
  /** PEM of the authorities that the sidecar trusts the API server by. */
  readonly apiServerCa: string
  readonly logLevel: string
  /** Whether sidecars send plain reads ahead of their decisions. */
  readonly readAhead: boolean
  /** Whether watches share connections to the API server. */
  readonly shareWatches: boolean
  /** Whether the API server's name leads to the sidecar, in pods where it can. */
  readonly serviceName: boolean
  /** Registries under which other webhooks may name the image, as prefixes. */
  readonly imageMirrors: readonly ImageMirror[]
}

/** A registry that stands in for another: the prefix of an image's name, and what replaces it. */
export interface ImageMirror {
  readonly from: string
  readonly to: string
}

/** Life of the pod's real token, as kube-apiserver gives it to every pod; kubelet renews it. */
const TOKEN_SECONDS = 3_607
/** Files that the sidecar writes: a few kilobytes for each container. */
const RUN_VOLUME_SIZE = '4Mi'
/** 60 s: the image is there, so a sidecar that takes longer is broken. */
const STARTUP_FAILURES_MAX = 60

/** The variable by which a sidecar gets one of its settings. */
export function settingVariable(setting: InjectedSetting): string {
  return environmentName(ENVIRONMENT_PREFIX, setting)
}

/** A variable of the sidecar's environment, by value. */
function variable(setting: InjectedSetting, value: string): EnvVar {
  return { name: settingVariable(setting), value }
}

/**
 * The native sidecar of a pod. Every field that kube-apiserver would default is written, so that
 * the stored pod is what injection made, to the letter.
 */
export function sidecarContainer(
  options: SidecarOptions,
  served: readonly string[],
  resources: Resources,
  listensByName: boolean,
): Container {
  return {
    name: SIDECAR_CONTAINER,
    image: options.image,
    imagePullPolicy: options.imagePullPolicy,
    restartPolicy: 'Always',
    env: [
      variable('controlPlaneAddress', options.controlPlaneAddress),
      ...(options.controlPlaneName === ''
        ? []
        : [variable('controlPlaneName', options.controlPlaneName)]),
      variable('controlPlaneCa', options.controlPlaneCa),
      // By value: what kubelet and a ConfigMap of the namespace would say, a tenant can change, and
      // this is where the pod's real token goes.
      variable('upstreamUrl', options.apiServerUrl),
      variable('apiCa', options.apiServerCa),
      variable('containers', served.join(',')),
      variable('logLevel', options.logLevel),
      // On unless said otherwise.
      ...(options.readAhead ? [] : [variable('readAhead', 'false')]),
      ...(options.shareWatches ? [] : [variable('shareWatches', 'false')]),
      ...(listensByName ? [variable('serviceNameAddress', SERVICE_NAME_ADDRESS)] : []),
      {
        name: settingVariable('podNamespace'),
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
      },
    ],
    resources,
    startupProbe: {
      failureThreshold: STARTUP_FAILURES_MAX,
      httpGet: { path: '/startupz', port: HEALTH_PORT, scheme: 'HTTP' },
      periodSeconds: 1,
      successThreshold: 1,
      timeoutSeconds: 1,
    },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: SIDECAR_UID,
      runAsNonRoot: true,
      runAsUser: SIDECAR_UID,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: API_TOKEN_VOLUME, mountPath: API_TOKEN_PATH, readOnly: true },
      { name: CONTROL_PLANE_TOKEN_VOLUME, mountPath: CONTROL_PLANE_TOKEN_PATH, readOnly: true },
      { name: RUN_VOLUME, mountPath: RUN_PATH },
    ],
  }
}

const FILE_MODE = 0o644

/** The real token, the token for the control plane, and the folder of what the sidecar hands out. */
export function sidecarVolumes(): readonly Volume[] {
  return [
    {
      name: API_TOKEN_VOLUME,
      projected: {
        defaultMode: FILE_MODE,
        sources: [{ serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: TOKEN_FILE } }],
      },
    },
    {
      name: CONTROL_PLANE_TOKEN_VOLUME,
      projected: {
        defaultMode: FILE_MODE,
        sources: [
          {
            serviceAccountToken: {
              audience: CONTROL_PLANE_AUDIENCE,
              expirationSeconds: TOKEN_SECONDS,
              path: TOKEN_FILE,
            },
          },
        ],
      },
    },
    { name: RUN_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: RUN_VOLUME_SIZE } },
  ]
}
