import { join } from 'node:path'
import type { ClusterPaths } from './paths.ts'

/* How each component of the cluster is started. docs/cluster.md says where each flag matters. */

/** Address of the bridge, which is the node's address too. */
export const NODE_IP = '10.88.0.1'
const POD_CIDR = '10.88.0.0/16'
const SERVICE_CIDR = '10.96.0.0/16'
export const API_SERVICE_IP = '10.96.0.1'
export const DNS_SERVICE_IP = '10.96.0.10'
export const NODE_NAME = 'node'
const API = 'https://127.0.0.1:6443'

export const COMPONENT_NAMES = [
  'etcd',
  'kube-apiserver',
  'containerd',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
] as const

export type ComponentName = (typeof COMPONENT_NAMES)[number]

export interface ComponentContext {
  readonly paths: ClusterPaths
  readonly kube: string
}

/** The command line of each component. */
export function componentCommand(
  name: ComponentName,
  context: ComponentContext,
): readonly string[] {
  const { paths, kube } = context
  switch (name) {
    case 'etcd':
      return [kube, 'etcd', ...etcdFlags(paths)]
    case 'kube-apiserver':
      return [kube, 'kube-apiserver', ...apiServerFlags(context)]
    case 'kube-controller-manager':
      return [kube, 'kube-controller-manager', ...controllerFlags(context)]
    case 'kube-scheduler':
      return [
        kube,
        'kube-scheduler',
        `--kubeconfig=${join(paths.kubeconfigs, 'kube-scheduler')}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
      ]
    case 'kube-proxy':
      return [
        kube,
        'kube-proxy',
        `--kubeconfig=${join(paths.kubeconfigs, 'kube-proxy')}`,
        '--proxy-mode=iptables',
        '--conntrack-max-per-core=0',
        '--conntrack-tcp-timeout-established=0',
        '--conntrack-tcp-timeout-close-wait=0',
        `--cluster-cidr=${POD_CIDR}`,
        `--hostname-override=${NODE_NAME}`,
      ]
    case 'containerd':
      return ['/usr/bin/containerd', '--config', join(paths.root, 'containerd.toml')]
    case 'kubelet':
      return [
        kube,
        'kubelet',
        `--config=${join(paths.root, 'kubelet.json')}`,
        `--kubeconfig=${join(paths.kubeconfigs, 'kubelet')}`,
        `--root-dir=${paths.kubelet}`,
        `--hostname-override=${NODE_NAME}`,
        `--node-ip=${NODE_IP}`,
      ]
    default:
      return name satisfies never
  }
}

function etcdFlags(paths: ClusterPaths): readonly string[] {
  return [
    `--data-dir=${paths.etcd}`,
    '--unsafe-no-fsync',
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--log-level=warn',
  ]
}

function apiServerFlags({ paths }: ComponentContext): readonly string[] {
  const file = (name: string) => join(paths.pki, name)
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    '--secure-port=6443',
    `--advertise-address=${NODE_IP}`,
    '--endpoint-reconciler-type=master-count',
    '--allow-privileged=true',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('kube-apiserver.crt')}`,
    `--tls-private-key-file=${file('kube-apiserver.key')}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${file('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${file('front-proxy-client.key')}`,
    '--enable-aggregator-routing=false',
    `--audit-policy-file=${join(paths.root, 'audit-policy.json')}`,
    `--audit-log-path=${paths.auditLog}`,
  ]
}

function controllerFlags({ paths }: ComponentContext): readonly string[] {
  return [
    `--kubeconfig=${join(paths.kubeconfigs, 'kube-controller-manager')}`,
    // As kubeadm sets it: each controller is then a service account of its own at admission.
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(paths.pki, 'sa.key')}`,
    `--root-ca-file=${join(paths.pki, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(paths.pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(paths.pki, 'ca.key')}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
  ]
}

/** Kubeconfig of each component: its file name and who it is. */
export const COMPONENT_USERS: Readonly<
  Record<string, { user: string; groups: readonly string[] }>
> = {
  admin: { user: 'admin', groups: ['system:masters'] },
  'kube-controller-manager': { user: 'system:kube-controller-manager', groups: [] },
  'kube-scheduler': { user: 'system:kube-scheduler', groups: [] },
  'kube-proxy': { user: 'system:kube-proxy', groups: [] },
  kubelet: { user: `system:node:${NODE_NAME}`, groups: ['system:nodes'] },
}

/** A kubeconfig as JSON, which kubectl reads as it reads YAML. */
export function kubeconfig(options: {
  readonly server: string
  readonly ca: string
  readonly certificate: string
  readonly key: string
}): string {
  const cluster = {
    server: options.server,
    'certificate-authority-data': base64(options.ca),
  }
  const user = {
    'client-certificate-data': base64(options.certificate),
    'client-key-data': base64(options.key),
  }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lanyard-test',
    clusters: [{ name: 'lanyard-test', cluster }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'lanyard-test', context: { cluster: 'lanyard-test', user: 'user' } }],
  })
}

/** The API server as a component inside the namespaces reaches it. */
export const INSIDE_SERVER = API

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** kubelet's configuration file: a node that limits nothing and evicts nobody. */
export function kubeletConfig(paths: ClusterPaths, cgroupRoot: string): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      x509: { clientCAFile: join(paths.pki, 'ca.crt') },
      webhook: { enabled: true },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    resolvConf: '',
    clusterDNS: [DNS_SERVICE_IP],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${paths.containerdSocket}`,
    // Pods start in bursts in the tests; image pulls never happen.
    serializeImagePulls: false,
    // A full disk of the machine is not this cluster's business.
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    syncFrequency: '10s',
  })
}

/** containerd's configuration file: everything below the cluster's own folder. */
export function containerdConfig(paths: ClusterPaths): string {
  return `version = 2
root = "${paths.containerd}"
state = "${join(paths.run, 'containerd')}"
[grpc]
  address = "${paths.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(paths.containerd, 'opt')}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lanyard-test/pause:1"
  # Needed where root lacks CAP_SYS_RESOURCE: without it no sandbox starts.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(paths.root, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`
}

/** The network of pods: a bridge inside the namespaces, with addresses from a file. */
export function cniConfig(paths: ClusterPaths): string {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: join(paths.run, 'ipam'),
      ranges: [[{ subnet: POD_CIDR }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  }
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'lanyard-test',
    plugins: [
      bridge,
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'loopback' },
    ],
  })
}

/** Metadata of every request once it is answered; tests join it to decisions by Audit-ID. */
export function auditPolicy(): string {
  return JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  })
}
