import { describe, expect, test } from 'vitest'
import type { Container, Pod } from '../../core/pods/pod.ts'
import {
  aContainer,
  aPod,
  aPodWith,
  BUILT_IN_TOKEN,
  SIDECAR,
} from '../../test/support/pod-builders.ts'
import { injectSidecar } from './inject-sidecar.ts'

const HINTS = { 'lanyard.dev/root-requester': 'alice', 'lanyard.dev/chain': 'alice' }
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const CLIENT_NAMES = [
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
  'KUBERNETES_SERVICE_PORT_HTTPS',
  'KUBERNETES_PORT',
]

const inject = (pod: Pod): Pod => injectSidecar(pod, SIDECAR, HINTS)
const sidecarOf = (pod: Pod): Container => pod.spec.initContainers?.[0] as Container
const others = (pod: Pod): readonly Container[] => [
  ...(pod.spec.initContainers ?? []).slice(1),
  ...pod.spec.containers,
]
const variable = (container: Container, name: string): readonly unknown[] =>
  (container.env ?? []).filter((one) => one.name === name).map(({ value }) => value)

const THREE = aPod({
  initContainers: [
    aContainer({ name: 'setup' }),
    aContainer({ name: 'native', restartPolicy: 'Always' }),
  ],
  containers: [aContainer({ name: 'app' }), aContainer({ name: 'log' })],
})

describe('injectSidecar() adds a container that', () => {
  test('comes before every init container and restarts always', () => {
    const names = inject(THREE).spec.initContainers?.map(({ name }) => name)
    expect(names).toEqual(['lanyard-sidecar', 'setup', 'native'])
    expect(sidecarOf(inject(THREE))['restartPolicy']).toBe('Always')
  })

  test('is started before the next one begins', () => {
    expect(sidecarOf(inject(aPod()))['startupProbe']).toMatchObject({
      httpGet: { path: '/startupz', port: 16_444 },
    })
  })

  test('passes the restricted Pod Security Standard whatever the pod says', () => {
    const pod = aPod({ securityContext: { runAsUser: 0, runAsNonRoot: false } })
    expect(sidecarOf(inject(pod)).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 7_777,
      runAsNonRoot: true,
      runAsUser: 7_777,
      seccompProfile: { type: 'RuntimeDefault' },
    })
  })

  test('asks for processor and memory, and is limited in memory', () => {
    expect(sidecarOf(inject(aPod()))['resources']).toEqual({
      limits: { memory: '160Mi' },
      requests: { cpu: '10m', memory: '64Mi' },
    })
  })

  test('is limited in processor where an installation says so', () => {
    const { cpuLimit: _, ...options } = SIDECAR
    const injected = injectSidecar(aPod(), { ...options, cpuLimit: '200m' }, HINTS)
    expect(sidecarOf(injected)['resources']).toMatchObject({
      limits: { cpu: '200m', memory: '160Mi' },
    })
  })

  test('serves each container by name, in the order in which they start', () => {
    expect(variable(sidecarOf(inject(THREE)), 'LANYARD_CONTAINERS')).toEqual([
      'setup,native,app,log',
    ])
  })

  test('replaces one of its name, wherever that stood', () => {
    const forged = aContainer({ name: 'lanyard-sidecar', image: 'attacker:1' })
    const pod = aPod({ initContainers: [aContainer({ name: 'setup' }), forged, forged] })
    const injected = inject(pod)
    expect(injected.spec.initContainers?.map(({ name }) => name)).toEqual([
      'lanyard-sidecar',
      'setup',
    ])
    expect(sidecarOf(injected).image).toBe(SIDECAR.image)
  })
})

describe('injectSidecar() keeps the real token away:', () => {
  test('the pod asks for no token of its own', () => {
    const pod = aPod({ automountServiceAccountToken: true })
    expect(inject(pod).spec.automountServiceAccountToken).toBe(false)
  })

  test('the volume of the built-in admission is gone, and each mount of it', () => {
    expect(JSON.stringify(inject(aPod()))).not.toContain('kube-api-access-')
  })

  test.each([BUILT_IN_TOKEN.mount.mountPath, '/elsewhere'])('also when mounted at %s', (path) => {
    const mount = { ...BUILT_IN_TOKEN.mount, mountPath: path }
    expect(JSON.stringify(inject(aPodWith({ volumeMounts: [mount] })))).not.toContain('elsewhere')
    expect(JSON.stringify(inject(aPodWith({ volumeMounts: [mount] })))).not.toContain(
      'kube-api-access-',
    )
  })

  test.each(['lanyard-api-token', 'lanyard-control-plane-token'])(
    'only the sidecar mounts %s, and only to read',
    (volume) => {
      const injected = inject(THREE)
      const mounts = [sidecarOf(injected), ...others(injected)].map((container) =>
        (container.volumeMounts ?? []).filter(({ name }) => name === volume),
      )
      expect(mounts).toEqual([[expect.objectContaining({ readOnly: true })], [], [], [], []])
    },
  )

  test('one token is for the API server, one for the control plane', () => {
    const sources = (inject(aPod()).spec.volumes ?? []).flatMap(({ name, projected }) =>
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
        serviceAccountToken === undefined ? [] : [[name, serviceAccountToken.audience]],
      ),
    )
    expect(sources).toEqual([
      ['lanyard-api-token', undefined],
      ['lanyard-control-plane-token', 'lanyard-control-plane'],
    ])
  })

  test('a volume that took the name of ours is replaced', () => {
    const pod = aPod({
      volumes: [{ name: 'lanyard-run', persistentVolumeClaim: { claimName: 'x' } }],
    })
    const runs = inject(pod).spec.volumes?.filter(({ name }) => name === 'lanyard-run')
    expect(runs).toEqual([
      { name: 'lanyard-run', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
    ])
  })
})

describe('injectSidecar() points every other container at the sidecar:', () => {
  test('a folder of its own where clients look, read-only and first', () => {
    for (const container of others(inject(THREE))) {
      expect(container.volumeMounts?.[0]).toEqual({
        name: 'lanyard-run',
        mountPath: FOLDER,
        subPath: `containers/${container.name}`,
        readOnly: true,
      })
    }
    expect(others(inject(THREE))).toHaveLength(4)
  })

  test.each([FOLDER, `${FOLDER}/`, `${FOLDER}//`])(
    'what the pod mounts at %s itself is replaced',
    (mountPath) => {
      const pod = aPod({
        containers: [aContainer({ volumeMounts: [{ name: 'mine', mountPath }] })],
        volumes: [{ name: 'mine', emptyDir: {} }],
      })
      expect(others(inject(pod))[0]?.volumeMounts?.map(({ name }) => name)).toEqual(['lanyard-run'])
      expect(inject(pod).spec.volumes?.map(({ name }) => name)).toContain('mine')
    },
  )

  test('mounts elsewhere stay', () => {
    const mount = { name: 'mine', mountPath: '/work', subPath: 'a' }
    const pod = aPod({
      containers: [aContainer({ volumeMounts: [mount] })],
      volumes: [{ name: 'mine', emptyDir: {} }, BUILT_IN_TOKEN.volume],
    })
    expect(others(inject(pod))[0]?.volumeMounts?.[1]).toEqual(mount)
  })

  test('the address comes first in the environment, so that $(VAR) expands to it', () => {
    const env = [{ name: 'API', value: 'https://$(KUBERNETES_SERVICE_HOST)' }]
    const injected = inject(
      aPod({
        initContainers: [aContainer({ name: 'setup', env })],
        containers: [aContainer({ env })],
      }),
    )
    const names = others(injected).map((one) => one.env?.map(({ name }) => name))
    expect(names).toEqual([
      [...CLIENT_NAMES, 'API'],
      [...CLIENT_NAMES, 'API'],
    ])
  })

  test('a later variable of the same name, which would win, is taken out', () => {
    const env = CLIENT_NAMES.flatMap((name) => [
      { name, value: '10.96.0.1' },
      { name, valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } },
    ])
    const [container] = others(inject(aPodWith({ env }))) as [Container]
    const values = CLIENT_NAMES.map((name) => variable(container, name))
    expect(values).toEqual([['127.0.0.1'], ['16443'], ['16443'], ['tcp://127.0.0.1:16443']])
  })

  test('envFrom stays, since env wins over it', () => {
    const envFrom = [{ configMapRef: { name: 'everything' } }]
    const [container] = others(inject(aPodWith({ envFrom }))) as [Container]
    expect(container['envFrom']).toEqual(envFrom)
    expect(variable(container, 'KUBERNETES_SERVICE_HOST')).toEqual(['127.0.0.1'])
  })
})

describe('injectSidecar() of a pod that asks for no credential', () => {
  const withheld = aPod({
    automountServiceAccountToken: false,
    initContainers: [aContainer({ name: 'setup' })],
    containers: [aContainer()],
    volumes: [],
  })

  test('gives none, the address alone', () => {
    for (const container of others(inject(withheld))) {
      expect(container).not.toHaveProperty('volumeMounts')
      expect(variable(container, 'KUBERNETES_SERVICE_HOST')).toEqual(['127.0.0.1'])
    }
    expect(inject(inject(withheld))).toEqual(inject(withheld))
  })

  test('gives none when the service account says so, which only shows in what is not mounted', () => {
    const { automountServiceAccountToken: _, ...spec } = withheld.spec
    expect(inject({ ...withheld, spec })).toEqual(inject(withheld))
  })

  test('stays apart from a pod that was injected with one', () => {
    const given = aPod({ volumes: [BUILT_IN_TOKEN.volume] })
    expect(inject(inject(given))).toEqual(inject(given))
    expect(others(inject(inject(given)))[0]?.volumeMounts).toHaveLength(1)
  })
})

test('injectSidecar() makes room for the sidecar in what the pod takes as a whole', () => {
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '64Mi' } }
  const own = { requests: { cpu: '100m', memory: '64Mi' } }
  const pod = aPod({ resources, containers: [aContainer({ resources: own })] })
  expect(inject(pod).spec.resources).toEqual({
    requests: { cpu: '110m', memory: '128Mi' },
    limits: { memory: '160Mi' },
  })
  expect(inject(inject(pod))).toEqual(inject(pod))
})

describe('injectSidecar() tells the sidecar', () => {
  test('where the API server is and whom to trust, whatever the namespace says', () => {
    const sidecar = sidecarOf(inject(aPod()))
    expect(variable(sidecar, 'LANYARD_UPSTREAM_URL')).toEqual(['https://10.96.0.1'])
    expect(variable(sidecar, 'LANYARD_API_CA')).toEqual([SIDECAR.apiServerCa])
    const volumes = inject(aPod()).spec.volumes ?? []
    expect(JSON.stringify(volumes)).not.toMatch(/configMap|kube-root-ca/)
  })
})

describe('injectSidecar() writes hints:', () => {
  test('ours replace whatever stood under our names', () => {
    const annotations = {
      'lanyard.dev/root-requester': 'cluster-admin',
      'lanyard.dev/other': 'x',
      'access.lanyard.dev/other': 'x',
      'notlanyard.dev/kept': 'x',
      'lanyard.device/kept': 'x',
      plain: 'x',
    }
    expect(inject(aPod({}, { annotations })).metadata.annotations).toEqual({
      ...HINTS,
      'notlanyard.dev/kept': 'x',
      'lanyard.device/kept': 'x',
      plain: 'x',
    })
  })
})

test('injectSidecar() carries along what it does not know', () => {
  const pod: Pod = {
    ...aPod({ future: { a: [1] } }, { future: 'm' }),
    spec: {
      ...aPod().spec,
      future: { a: [1] },
      containers: [aContainer({ future: true, resizePolicy: [{ resourceName: 'cpu' }] })],
      volumes: [{ name: 'v', futureSource: { x: 1 } }],
    },
    future: 'p',
  }
  const injected = inject(pod)
  expect(injected).toMatchObject({
    future: 'p',
    metadata: { future: 'm' },
    spec: { future: { a: [1] } },
  })
  expect(injected.spec.volumes).toContainEqual({ name: 'v', futureSource: { x: 1 } })
  expect(others(injected)[0]).toMatchObject({
    future: true,
    resizePolicy: [{ resourceName: 'cpu' }],
  })
})

test('injectSidecar() leaves the pod that it was given as it was', () => {
  const pod = aPod()
  const before = structuredClone(pod)
  inject(pod)
  expect(pod).toEqual(before)
})
