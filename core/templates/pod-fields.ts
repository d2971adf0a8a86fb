import { chooses, type FieldRules, neutral } from './field-rule.ts'

/*
 * Every field of a pod's specification and of a container, as Kubernetes v1.37 has them
 * (staging/src/k8s.io/api/core/v1/types.go: PodSpec, Container). What leads names elsewhere, opens a
 * way into the pod, or makes others write into it, chooses code: a program is what it is given, too.
 */

const RUNS = chooses('what runs')
const NAMES = chooses('where names lead, and so whom the program believes')
const MOUNTS = chooses('files that the program reads, or that are run')
const ISOLATION = chooses('what keeps others out of the program')
const PLACE = neutral('where it runs')
const SCHEDULING = neutral('when it is scheduled, and before whom')

export const POD_FIELDS: FieldRules = {
  containers: RUNS,
  initContainers: RUNS,
  ephemeralContainers: RUNS,
  os: chooses('which programs of an image run'),
  runtimeClassName: chooses('the runtime that starts the program'),
  restartPolicy: chooses('whether init containers and failed programs run again'),
  serviceAccountName: chooses('the account for which it runs'),
  serviceAccount: chooses('the account for which it runs, by its old name'),
  automountServiceAccountToken: chooses('whether it has a token'),
  imagePullSecrets: chooses('as whom images are pulled'),
  enableServiceLinks: chooses('environment variables that kubelet makes of Services'),
  volumes: MOUNTS,
  resourceClaims: chooses('devices, which bring mounts and environment with them'),
  securityContext: ISOLATION,
  shareProcessNamespace: ISOLATION,
  hostIPC: ISOLATION,
  hostPID: ISOLATION,
  hostNetwork: ISOLATION,
  hostUsers: ISOLATION,
  dnsConfig: NAMES,
  dnsPolicy: NAMES,
  hostAliases: NAMES,
  hostname: NAMES,
  hostnameOverride: NAMES,
  setHostnameAsFQDN: NAMES,
  subdomain: NAMES,
  affinity: PLACE,
  nodeName: PLACE,
  nodeSelector: PLACE,
  tolerations: PLACE,
  topologySpreadConstraints: PLACE,
  schedulerName: SCHEDULING,
  schedulingGates: SCHEDULING,
  schedulingGroup: SCHEDULING,
  evictionResponders: neutral('who may answer before it is evicted'),
  priority: SCHEDULING,
  priorityClassName: SCHEDULING,
  preemptionPolicy: SCHEDULING,
  overhead: neutral('what its runtime uses besides, as the runtime class says'),
  resources: neutral('how much it may use; read by resource name'),
  readinessGates: neutral('when it counts as ready'),
  activeDeadlineSeconds: neutral('when it is ended'),
  terminationGracePeriodSeconds: neutral('how long it may take to end'),
}

export const CONTAINER_FIELDS: FieldRules = {
  name: RUNS,
  image: RUNS,
  imagePullPolicy: chooses('whether an older image of that name runs'),
  command: RUNS,
  args: RUNS,
  workingDir: chooses('where relative paths lead'),
  env: chooses('what the program is told'),
  envFrom: chooses('what the program is told'),
  lifecycle: chooses('commands that kubelet runs in the container'),
  livenessProbe: chooses('commands that kubelet runs, and when the program is ended'),
  readinessProbe: chooses('commands that kubelet runs, and when the program gets requests'),
  startupProbe: chooses('commands that kubelet runs, and when the program gets requests'),
  restartPolicy: chooses('whether an init container goes on beside the others'),
  restartPolicyRules: chooses('whether a program that ended runs again'),
  securityContext: ISOLATION,
  volumeMounts: MOUNTS,
  volumeDevices: MOUNTS,
  terminationMessagePath: chooses('a file that kubelet mounts over what the image has'),
  ports: chooses('by which names and on which ports of the node it is reached'),
  stdin: chooses('what the program reads'),
  stdinOnce: chooses('what the program reads'),
  tty: chooses('what the program reads and writes'),
  resources: neutral('how much it may use; read by resource name'),
  resizePolicy: neutral('whether it restarts when that changes'),
  terminationMessagePolicy: neutral('where its last words are read from'),
}

/** Amounts by name: what is not listed, such as a device, can bring mounts and environment along. */
export const RESOURCE_NAMES: FieldRules = {
  cpu: neutral('an amount'),
  memory: neutral('an amount'),
  'ephemeral-storage': neutral('an amount'),
}
