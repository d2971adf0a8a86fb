import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { whyNotProtectable } from '../../core/pods/eligibility.ts'
import type { Container, Pod } from '../../core/pods/pod.ts'
import { SERVICE_NAMES } from '../../core/pods/service-name.ts'
import { anAdmissionRequest, POD_REVIEW, SIDECAR } from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import { validatePod } from '../review/review-pod.ts'
import { hintsOf } from './hint-annotations.ts'
import { injectSidecar } from './inject-sidecar.ts'
import { isReserved } from './pod-resources.ts'

/* What holds for every pod, whatever it brings. The arbitrary pods mix ordinary names with ours. */

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const HINTS = hintsOf(createRecordingChainClient().launchers)
const SEED = { numRuns: 200 }

const volumeName = fc.constantFrom(
  'work',
  'cache',
  'kube-api-access-abcde',
  'lanyard-run',
  'lanyard-api-token',
  'lanyard-control-plane-token',
)
const mount = fc.record({
  name: volumeName,
  mountPath: fc.constantFrom('/work', '/', FOLDER, `${FOLDER}/`, `${FOLDER}/token`, '/var/run'),
  subPath: fc.constantFrom('containers/a', 'containers/b', 'x'),
})
const variable = fc.record({
  name: fc.constantFrom(
    'KUBERNETES_SERVICE_HOST',
    'KUBERNETES_SERVICE_PORT',
    'KUBERNETES_PORT',
    'kubernetes_service_host',
    '__proto__',
    'PATH',
  ),
  value: fc.string(),
})
const amounts = fc.dictionary(
  fc.constantFrom('cpu', 'memory', 'example.com/x'),
  fc.constantFrom('1', '10m', '0.5', '100Mi', '1024Mi', '1e3', 'much'),
)
const container = (name: fc.Arbitrary<string>): fc.Arbitrary<Container> =>
  fc
    .record(
      {
        name,
        image: fc.string(),
        env: fc.array(variable, { maxLength: 4 }),
        envFrom: fc.constant([{ configMapRef: { name: 'x' } }]),
        volumeMounts: fc.array(mount, { maxLength: 4 }),
        securityContext: fc.record({ runAsUser: fc.constantFrom(0, 1_000, 7_777) }),
        resources: fc.record({ requests: amounts, limits: amounts }, { requiredKeys: [] }),
        future: fc.jsonValue(),
      },
      { requiredKeys: ['name'] },
    )
    .map((value) => value as Container)
const volume = fc
  .record(
    {
      name: volumeName,
      emptyDir: fc.constant({}),
      projected: fc.constant({ sources: [{ serviceAccountToken: { path: 'token' } }] }),
    },
    { requiredKeys: ['name'] },
  )
  .map((value) => value as { name: string })
const annotations = fc.dictionary(
  fc.constantFrom('lanyard.dev/root-requester', 'lanyard.dev/x', 'a.lanyard.dev/y', 'team/z'),
  fc.string(),
)
const alias = fc.record({
  ip: fc.constantFrom('127.100.0.1', '10.0.0.5'),
  hostnames: fc.constantFrom(SERVICE_NAMES, ['kubernetes.default.svc'], ['db.team'], []),
})
const sysctl = fc.record({
  name: fc.constantFrom('net.ipv4.ip_unprivileged_port_start', 'net.ipv4.tcp_syncookies'),
  value: fc.constantFrom('0', '443', '1'),
})
const pod: fc.Arbitrary<Pod> = fc
  .record({
    metadata: fc.record(
      { name: fc.constant('p'), uid: fc.constant('u'), annotations, future: fc.jsonValue() },
      { requiredKeys: ['name', 'uid'] },
    ),
    spec: fc.record(
      {
        containers: fc.uniqueArray(container(fc.constantFrom('a', 'b', 'c')), {
          minLength: 1,
          selector: ({ name }) => name,
        }),
        initContainers: fc.array(container(fc.constantFrom('i', 'j', 'lanyard-sidecar')), {
          maxLength: 3,
        }),
        volumes: fc.array(volume, { maxLength: 4 }),
        automountServiceAccountToken: fc.boolean(),
        hostAliases: fc.array(alias, { maxLength: 3 }),
        securityContext: fc.record({ sysctls: fc.array(sysctl, { maxLength: 2 }) }),
        resources: fc.record({ requests: amounts, limits: amounts }, { requiredKeys: [] }),
        serviceAccountName: fc.constantFrom('default', 'agent'),
        future: fc.jsonValue(),
      },
      { requiredKeys: ['containers'] },
    ),
  })
  .map((value) => value as Pod)

const inject = (value: Pod): Pod => injectSidecar(value, SIDECAR, HINTS)
const validate = (value: Pod) =>
  validatePod(anAdmissionRequest({ object: value }), {
    chains: createRecordingChainClient(),
    ...POD_REVIEW,
  })
const others = ({ spec }: Pod): readonly Container[] => [
  ...(spec.initContainers ?? []).slice(1),
  ...spec.containers,
]
/** As the built-in admission leaves a pod that gets a token. */
const withCredential = ({ spec, ...value }: Pod): Pod => ({
  ...value,
  spec: { ...spec, volumes: [...(spec.volumes ?? []), { name: 'kube-api-access-abcde' }] },
})
/** As it leaves one that gets none. */
const withoutMounts = ({ spec, ...value }: Pod): Pod => ({
  ...value,
  spec: {
    ...spec,
    volumes: [],
    initContainers: (spec.initContainers ?? []).map((one) => ({ ...one, volumeMounts: [] })),
    containers: spec.containers.map((one) => ({ ...one, volumeMounts: [] })),
  },
})
const withContainer = (value: Pod, added: Container): Pod => ({
  ...value,
  spec: { ...value.spec, containers: [...value.spec.containers, added] },
})

describe('injectSidecar() of any pod', () => {
  test('does nothing the second time', () => {
    fc.assert(
      fc.property(pod, (value) => {
        expect(inject(inject(value))).toEqual(inject(value))
      }),
      SEED,
    )
  })

  test('gives the same when a webhook between added a container as when it was there before', () => {
    fc.assert(
      fc.property(pod, container(fc.constant('late')), (bare, added) => {
        const value = withCredential(bare)
        // Raising what a pod says as a whole can make it Guaranteed by chance; it stays so from then on.
        const reserved = [value, inject(value)].map((one) => isReserved(one.spec.resources ?? {}))
        fc.pre(reserved[0] === reserved[1])
        // What it mounts elsewhere decides whether a volume is a token by hand.
        const { volumeMounts: _, ...late } = added
        expect(inject(withContainer(inject(value), late))).toEqual(
          inject(withContainer(value, late)),
        )
      }),
      SEED,
    )
  })

  test('gives the token volumes to the sidecar alone, and each container its own folder', () => {
    fc.assert(
      fc.property(pod, (value) => {
        for (const { name, volumeMounts = [] } of others(inject(withCredential(value)))) {
          const ours = volumeMounts.filter((one) => /^(?:lanyard-|kube-api-access-)/.test(one.name))
          expect(ours).toEqual([
            {
              name: 'lanyard-run',
              mountPath: FOLDER,
              subPath: `containers/${name}`,
              readOnly: true,
            },
          ])
        }
      }),
      SEED,
    )
  })

  test('gives no container anything of ours unless one looks for a credential', () => {
    fc.assert(
      fc.property(pod, (value) => {
        const mounted = others(inject(withoutMounts(value))).filter((one) => 'volumeMounts' in one)
        expect(mounted).toEqual([])
      }),
      SEED,
    )
  })

  test('leaves one address of the API server, before everything else', () => {
    fc.assert(
      fc.property(pod, (value) => {
        for (const { env = [] } of others(inject(value))) {
          const hosts = env.filter(({ name }) => name === 'KUBERNETES_SERVICE_HOST')
          expect(hosts).toEqual([{ name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' }])
          expect(env[0]).toBe(env.find(({ name }) => name === 'KUBERNETES_SERVICE_HOST'))
        }
      }),
      SEED,
    )
  })

  test('loses no container and nothing that it does not know', () => {
    const known = (value: Pod) =>
      [...(value.spec.initContainers ?? []), ...value.spec.containers]
        .filter(({ name }) => name !== 'lanyard-sidecar')
        .map(({ name, image, future, securityContext }) => ({
          name,
          image,
          future,
          securityContext,
        }))
    fc.assert(
      fc.property(pod, (value) => {
        expect(known(inject(value))).toEqual(known(value))
        expect(inject(value).spec['future']).toEqual(value.spec['future'])
        expect(inject(value).metadata['future']).toEqual(value.metadata['future'])
      }),
      SEED,
    )
  })
})

describe('validatePod() of any pod', () => {
  test('allows what injection made of a pod that can be protected', async () => {
    await fc.assert(
      fc.asyncProperty(pod, async (value) => {
        fc.pre(whyNotProtectable(inject(value), []) === undefined)
        expect(await validate(inject(value))).toEqual({ result: 'allowed' })
      }),
      SEED,
    )
  })

  test('refuses it when anything else comes to one of its containers', async () => {
    await fc.assert(
      fc.asyncProperty(pod, container(fc.constant('late')), async (value, late) => {
        const { result } = await validate(withContainer(inject(value), late))
        expect(result).toBe('refused')
      }),
      SEED,
    )
  })

  test('refuses what was not injected', async () => {
    await fc.assert(
      fc.asyncProperty(pod, async (value) => {
        expect((await validate(value)).result).toBe('refused')
      }),
      SEED,
    )
  })
})
