import { describe, expect, test } from 'vitest'
import { injectSidecar } from '../../injector/injection/inject-sidecar.ts'
import { aContainer, aPod, aPodWith, SIDECAR } from '../../test/support/pod-builders.ts'
import { whyNotContainer, whyNotProtectable } from './eligibility.ts'
import type { Container, Pod, PodSpec, Volume } from './pod.ts'

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const CUSTOM_AUDIENCES = ['https://oidc.example/id/1']

const why = (pod: Pod): string | undefined => whyNotProtectable(pod, CUSTOM_AUDIENCES)
const withVolume = (volume: Omit<Volume, 'name'>): Pod =>
  aPod({ volumes: [{ name: 'v', ...volume }] })
const projecting = (source: object): Pod =>
  withVolume({ projected: { sources: [{ configMap: { name: 'x' } }, source as never] } })
const token = (audience?: string): object => ({
  serviceAccountToken: { path: 't', ...(audience === undefined ? {} : { audience }) },
})

describe('whyNotProtectable() refuses a pod that', () => {
  test.each<[string, Partial<PodSpec>, string]>([
    [
      'hostNetwork',
      { hostNetwork: true },
      'hostNetwork shares the loopback of the node; remove it',
    ],
    ['hostPID', { hostPID: true }, "hostPID shows the sidecar's memory and files; remove it"],
    ['hostIPC', { hostIPC: true }, 'hostIPC shares memory with the node; remove it'],
    [
      'shareProcessNamespace',
      { shareProcessNamespace: true },
      "shareProcessNamespace shows the sidecar's memory and files; remove it",
    ],
    ['Windows by os', { os: { name: 'windows' } }, 'Windows pods cannot carry the sidecar'],
    [
      'Windows by nodeSelector',
      { nodeSelector: { 'kubernetes.io/os': 'windows' } },
      'Windows pods cannot carry the sidecar',
    ],
    [
      'Windows by securityContext',
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'Windows pods cannot carry the sidecar',
    ],
    [
      "the sidecar's uid",
      { securityContext: { runAsUser: 7_777 } },
      "the pod runs as uid 7777, which is the sidecar's; choose another",
    ],
    [
      'ephemeral containers from the start',
      { ephemeralContainers: [aContainer({ name: 'debug' })] },
      'ephemeral containers join a pod that runs; remove them',
    ],
    [
      'another address for the control plane',
      { hostAliases: [{ hostnames: ['x', 'lanyard-control-plane.lanyard-system.svc'] }] },
      'hostAliases must not name lanyard-control-plane.lanyard-system.svc',
    ],
    [
      'an app container of our name',
      { containers: [aContainer({ name: 'lanyard-sidecar' })] },
      "the container name lanyard-sidecar is Lanyard's own; rename it",
    ],
  ])('has %s', (_name, spec, want) => {
    expect(why(aPod(spec))).toBe(want)
  })
})

describe('whyNotProtectable() refuses a volume that', () => {
  test.each([
    '/',
    '/var/lib/kubelet/pods',
    '/var/lib/rancher/k3s/agent',
    '/run/containerd/containerd.sock',
    '/etc/localtime',
    '/home/x/../../etc',
    '/opt/harmless',
  ])('mounts %s of the node', (path) => {
    const want = `the volume v mounts ${path} of the node, from where credentials of other pods can be reached; use an emptyDir or a PersistentVolumeClaim`
    expect(why(withVolume({ hostPath: { path } }))).toBe(want)
  })

  test('is of the node under the name of ours', () => {
    const volumes = [{ name: 'lanyard-run', hostPath: { path: '/x' } }]
    expect(why(aPod({ volumes }))).toContain('mounts /x of the node')
  })

  test('clones a repository on the node', () => {
    expect(why(withVolume({ gitRepo: { repository: 'https://x.example' } }))).toContain(
      'clone in an init container',
    )
  })

  test.each([
    ['no audience', undefined],
    ['an empty audience', ''],
    ['the audience of Lanyard', 'lanyard-control-plane'],
    ['the full name of the API server', 'https://kubernetes.default.svc.cluster.local'],
    ['the name of the API server', 'https://kubernetes.default.svc'],
    ['an older name of the API server', 'api'],
    ['the audience of this installation', 'https://oidc.example/id/1'],
  ])('projects a token with %s', (_name, audience) => {
    expect(why(projecting(token(audience)))).toBe(
      'the volume v projects a service account token that the API server or Lanyard accepts; remove it, give it the audience of the service it is for, or project it as token, with the ConfigMap kube-root-ca.crt as ca.crt and nothing else but namespace, which the sidecar then writes in its place',
    )
  })

  test.each([
    [
      'podCertificate',
      { signerName: 'kubernetes.io/kube-apiserver-client-pod', keyType: 'ED25519' },
    ],
    ['ofTheFuture', {}],
  ])('projects a %s', (kind, source) => {
    expect(why(projecting({ [kind]: source }))).toBe(
      `the volume v projects a ${kind}, which can be a credential for the API server; remove it`,
    )
  })
})

const REFUSED_CONTAINERS: readonly [string, Partial<Container>, string][] = [
  [
    'is privileged',
    { securityContext: { privileged: true } },
    'the container app is privileged; remove it',
  ],
  [
    "runs as the sidecar's user",
    { securityContext: { runAsUser: 7_777 } },
    "the container app runs as uid 7777, which is the sidecar's; choose another",
  ],
  [
    'unmasks /proc',
    { securityContext: { procMount: 'Unmasked' } },
    'the container app unmasks /proc; remove procMount',
  ],
  [
    'is a HostProcess',
    { securityContext: { windowsOptions: { hostProcess: true } } },
    'Windows pods cannot carry the sidecar',
  ],
  ...[
    'SYS_PTRACE',
    'CAP_SYS_PTRACE',
    'sys_ptrace',
    'ALL',
    'all',
    'NET_ADMIN',
    'NET_RAW',
    'PERFMON',
    'CHECKPOINT_RESTORE',
    'OF_THE_FUTURE',
  ].map((capability): [string, Partial<Container>, string] => [
    `adds ${capability}`,
    { securityContext: { capabilities: { add: ['CHOWN', capability] } } },
    `the container app adds the capability ${capability}; remove it`,
  ]),
  ...[16_443, 16_444].map((containerPort): [string, Partial<Container>, string] => [
    `offers port ${containerPort} on the node`,
    { ports: [{ containerPort: 80 }, { containerPort, hostPort: 80 }] },
    `the container app uses port ${containerPort}, which is the sidecar's; choose another`,
  ]),
  ...['lanyard-api-token', 'lanyard-control-plane-token', 'lanyard-run'].flatMap(
    (name): [string, Partial<Container>, string][] => {
      const want = `the container app mounts Lanyard's volume ${name}; remove the mount`
      return [
        [`mounts ${name}`, { volumeMounts: [{ name, mountPath: '/x' }] }, want],
        [
          `mounts ${name} under another spelling of the folder`,
          { volumeMounts: [{ name, mountPath: `${FOLDER}/` }] },
          want,
        ],
        [
          `mounts a part of ${name}`,
          { volumeMounts: [{ name, mountPath: '/x', subPath: 'containers/other' }] },
          want,
        ],
        [
          `mounts a part of ${name} by an expression`,
          { volumeMounts: [{ name, mountPath: '/x', subPathExpr: '$(P)' }] },
          want,
        ],
        [
          `mounts ${name} below our folder`,
          { volumeMounts: [{ name, mountPath: `${FOLDER}/more` }] },
          want,
        ],
        [`has ${name} as a device`, { volumeDevices: [{ name, devicePath: '/dev/x' }] }, want],
        [
          `reads ${name} into its environment`,
          {
            env: [
              {
                name: 'X',
                valueFrom: { fileKeyRef: { volumeName: name } },
              },
            ],
          },
          want,
        ],
      ]
    },
  ),
]

describe('whyNotContainer() refuses a container that', () => {
  test.each(REFUSED_CONTAINERS)('%s', (_name, fields, want) => {
    expect(whyNotContainer(aContainer(fields))).toBe(want)
  })

  test.each(REFUSED_CONTAINERS)(
    '%s, among containers and among init containers',
    (_name, fields, want) => {
      expect(why(aPodWith(fields))).toBe(want)
      expect(why(aPod({ initContainers: [aContainer(fields)] }))).toBe(want)
    },
  )
})

describe('whyNotProtectable() passes', () => {
  test.each<[string, Pod]>([
    ['a plain pod', aPod()],
    ['a pod without volumes', aPod({ volumes: [] })],
    ['what injection made', injectSidecar(aPod(), SIDECAR, {})],
    ['a token for a service', projecting(token('vault'))],
    ['projected trust', projecting({ clusterTrustBundle: { path: 'ca.pem' } })],
    [
      'common volumes',
      aPod({
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', secret: { secretName: 's' } },
          { name: 'c', persistentVolumeClaim: { claimName: 'c' } },
          { name: 'd', projected: { sources: [{ secret: { name: 's' } }, { downwardAPI: {} }] } },
        ],
      }),
    ],
    [
      'Linux said aloud',
      aPod({ os: { name: 'linux' }, nodeSelector: { 'kubernetes.io/os': 'linux' } }),
    ],
    [
      'what baseline Pod Security lets be added',
      aPodWith({ securityContext: { capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } } }),
    ],
    ['the default /proc', aPodWith({ securityContext: { procMount: 'Default' } })],
    ['another uid', aPodWith({ securityContext: { runAsUser: 7_776 } })],
    ['a hostPort elsewhere', aPodWith({ ports: [{ containerPort: 80, hostPort: 16_443 }] })],
    ['other host aliases', aPod({ hostAliases: [{ hostnames: ['db.team'] }, {}] })],
    [
      'another address for the API server, since the sidecar has it by value',
      aPod({ hostAliases: [{ ip: '10.0.0.9', hostnames: ['kubernetes.default.svc'] }] }),
    ],
    [
      'false said aloud',
      aPod({ hostNetwork: false, hostPID: false, shareProcessNamespace: false }),
    ],
  ])('%s', (_name, pod) => {
    expect(why(pod)).toBeUndefined()
  })
})
