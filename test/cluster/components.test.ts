import { expect, test } from 'vitest'
import {
  auditPolicy,
  COMPONENT_NAMES,
  type ComponentName,
  cniConfig,
  componentCommand,
  containerdConfig,
  kubeconfig,
  kubeletConfig,
} from './components.ts'
import { clusterPaths } from './paths.ts'

const paths = clusterPaths('dev')
const commandOf = (name: ComponentName) => componentCommand(name, { paths, kube: '/kube' })

interface FlagCase {
  readonly name: ComponentName
  readonly flag: string
  readonly why: string
}

const flags: readonly FlagCase[] = [
  {
    name: 'kube-controller-manager',
    flag: '--use-service-account-credentials=true',
    why: 'each controller is a service account of its own at admission',
  },
  {
    name: 'kube-apiserver',
    flag: '--authorization-mode=Node,RBAC',
    why: 'RBAC decides as in any cluster',
  },
  {
    name: 'kube-apiserver',
    flag: '--requestheader-allowed-names=front-proxy-client',
    why: 'extension API servers can tell the front proxy',
  },
  {
    name: 'kube-apiserver',
    flag: '--audit-log-path=/var/lib/lanyard-test/dev/logs/audit.jsonl',
    why: 'tests can join decisions to requests',
  },
  { name: 'kube-proxy', flag: '--conntrack-max-per-core=0', why: 'the machine keeps its limit' },
  {
    name: 'kubelet',
    flag: '--root-dir=/var/lib/lanyard-test/dev/kubelet',
    why: 'pods live in the cluster’s own folder',
  },
  { name: 'etcd', flag: '--unsafe-no-fsync', why: 'a test database need not survive the machine' },
]

test.each(flags)('componentCommand() starts $name with $flag, so that $why', ({ name, flag }) => {
  expect(commandOf(name)).toContain(flag)
})

test.each(COMPONENT_NAMES)('componentCommand() keeps every path of %s to one cluster', (name) => {
  const elsewhere = commandOf(name)
    .flatMap((argument) => argument.split('='))
    .filter((part) => part.startsWith('/var/') && !part.startsWith('/var/lib/lanyard-test/dev/'))
  expect(elsewhere).toEqual([])
})

test('kubeletConfig() accepts cgroup v1 and swap, and enforces nothing on the machine', () => {
  expect(JSON.parse(kubeletConfig(paths, '/lanyard-test-dev'))).toMatchObject({
    cgroupRoot: '/lanyard-test-dev',
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    resolvConf: '',
    authentication: { anonymous: { enabled: false } },
  })
})

test('containerdConfig() has a socket and folders of its own, and the setting without which no sandbox starts', () => {
  const config = containerdConfig(paths)
  expect(config).toContain('restrict_oom_score_adj = true')
  expect(config).toContain(`address = "${paths.containerdSocket}"`)
  const outside = [...config.matchAll(/"(\/var\/[^"]+)"/g)].filter(
    ([, path]) => path?.startsWith(paths.root) !== true,
  )
  expect(outside).toEqual([])
})

test('cniConfig() gives pods addresses of the bridge that is the node', () => {
  expect(JSON.parse(cniConfig(paths))).toMatchObject({
    plugins: [{ type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true }, {}, {}],
  })
})

test('auditPolicy() records metadata of everything, once', () => {
  expect(JSON.parse(auditPolicy())).toMatchObject({
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  })
})

test('kubeconfig() holds its certificates in itself, so that it can be copied', () => {
  const text = kubeconfig({ server: 'https://x', ca: 'CA', certificate: 'CERT', key: 'KEY' })
  expect(JSON.parse(text)).toMatchObject({
    'current-context': 'lanyard-test',
    clusters: [{ cluster: { server: 'https://x', 'certificate-authority-data': 'Q0E=' } }],
    users: [{ user: { 'client-certificate-data': 'Q0VSVA==', 'client-key-data': 'S0VZ' } }],
  })
})

/** What a unix socket's address holds, less the NUL at its end. */
const SOCKET_PATH_MAX = 103

test('clusterPaths() fits sockets into an address, whatever the name', () => {
  const { containerdSocket, apiSocket, controlSocket } = clusterPaths('a'.repeat(21))
  const lengths = [containerdSocket, apiSocket, controlSocket].map((path) => path.length)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(SOCKET_PATH_MAX)
})

test.each(['', 'A', '1a', '../x', 'a/b', 'a b', 'a'.repeat(22)])(
  'clusterPaths() refuses the name "%s"',
  (name) => {
    expect(() => clusterPaths(name)).toThrow(/Cannot use/)
  },
)
