import { describe, expect, test } from 'vitest'
import type { Pod, PodSpec } from '../../core/pods/pod.ts'
import {
  isServiceNameAnnotation,
  mayLeadServiceName,
  serviceNameFinding,
  whyNotServiceName,
  withoutServiceName,
  withServiceName,
} from '../../core/pods/service-name.ts'
import { aContainer, aPod, aPodWith, SIDECAR } from '../../test/support/pod-builders.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { verifyInjection } from './verify-injection.ts'

const NAMES = [
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]
const ALIAS = { ip: '127.100.0.1', hostnames: NAMES }
const SYSCTL = { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }
const OTHER_ALIAS = { ip: '10.0.0.5', hostnames: ['db.team'] }
const OTHER_SYSCTL = { name: 'net.ipv4.tcp_syncookies', value: '1' }
const DISABLED = { annotations: { 'lanyard.dev/service-name': 'disabled' } }

const inject = (pod: Pod, serviceName = true): Pod =>
  injectSidecar(pod, { ...SIDECAR, serviceName }, {})
const wayOf = ({ spec }: Pod) => ({
  aliases: spec.hostAliases,
  sysctls: spec.securityContext?.['sysctls'],
  listens: (spec.initContainers?.[0]?.env ?? [])
    .filter(({ name }) => name === 'LANYARD_SERVICE_NAME_ADDRESS')
    .map(({ value }) => value),
})
const whole = (spec: Partial<PodSpec> = {}): Pod => withServiceName(aPod(spec))

describe('injectSidecar() leads the name of the API server to the sidecar', () => {
  test.each<[string, Partial<PodSpec>, ReturnType<typeof wayOf>]>([
    ['in a plain pod', {}, { aliases: [ALIAS], sysctls: [SYSCTL], listens: ['127.100.0.1:443'] }],
    [
      "before the author's own aliases and sysctls",
      { hostAliases: [OTHER_ALIAS], securityContext: { sysctls: [OTHER_SYSCTL] } },
      {
        aliases: [ALIAS, OTHER_ALIAS],
        sysctls: [SYSCTL, OTHER_SYSCTL],
        listens: ['127.100.0.1:443'],
      },
    ],
  ])('%s, and the second time changes nothing', (_name, spec, want) => {
    const once = inject(aPod(spec))
    expect(wayOf(once)).toEqual(want)
    expect(inject(once)).toEqual(once)
  })

  test('and takes it back when the pod was injected before and now may not', () => {
    const late = aContainer({ name: 'late', ports: [{ containerPort: 443 }] })
    const { spec, ...pod } = inject(aPod({ hostAliases: [OTHER_ALIAS] }))
    const again = inject({ ...pod, spec: { ...spec, containers: [...spec.containers, late] } })
    expect(wayOf(again)).toEqual({ aliases: [OTHER_ALIAS], sysctls: undefined, listens: [] })
  })

  test('but not where the installation says no', () => {
    expect(wayOf(inject(aPod(), false))).toEqual({
      aliases: undefined,
      sysctls: undefined,
      listens: [],
    })
  })
})

describe('mayLeadServiceName()', () => {
  test.each<[string, Pod]>([
    ['port 443', aPodWith({ ports: [{ containerPort: 80 }, { containerPort: 443 }] })],
    ['a probe of port 443', aPodWith({ readinessProbe: { httpGet: { path: '/', port: 443 } } })],
    ['a probe by TCP', aPodWith({ livenessProbe: { tcpSocket: { port: '443' } } })],
    ['a probe by gRPC', aPodWith({ startupProbe: { grpc: { port: 443 } } })],
    ['a hook', aPodWith({ lifecycle: { preStop: { httpGet: { port: 443 } } } })],
    [
      'an init container with the port',
      aPod({ initContainers: [aContainer({ name: 'i', ports: [{ containerPort: 443 }] })] }),
    ],
    [
      'the name elsewhere',
      aPod({ hostAliases: [{ ip: '10.0.0.9', hostnames: ['x', 'kubernetes.default.svc'] }] }),
    ],
    ['the address', aPod({ hostAliases: [{ ip: '127.100.0.1', hostnames: ['x'] }] })],
    ['the sysctl', aPod({ securityContext: { sysctls: [{ ...SYSCTL, value: '1024' }] } })],
    ['the same sysctl', aPod({ securityContext: { sysctls: [SYSCTL] } })],
    [
      'the sysctl with slashes',
      aPod({
        securityContext: { sysctls: [{ name: 'net/ipv4/ip_unprivileged_port_start', value: '9' }] },
      }),
    ],
    ['the annotation', aPod({}, DISABLED)],
  ])('leaves a pod that has %s as it is', (_name, pod) => {
    expect(mayLeadServiceName(pod)).toBe(false)
    const injected = inject(pod)
    expect(injected.spec.hostAliases).toEqual(pod.spec.hostAliases)
    expect(injected.spec.securityContext).toEqual(pod.spec.securityContext)
    expect(wayOf(injected).listens).toEqual([])
    expect(inject(injected)).toEqual(injected)
  })

  test.each<[string, Pod]>([
    ['nothing', aPod()],
    ['other ports', aPodWith({ ports: [{ containerPort: 8_443 }, {}] })],
    ['a hostPort 443', aPodWith({ ports: [{ containerPort: 8_443, hostPort: 443 }] })],
    ['a probe by a name or a command', aPodWith({ livenessProbe: { exec: {}, httpGet: {} } })],
    ['null where objects stand', aPodWith({ livenessProbe: null, lifecycle: null })],
    ['other aliases', aPod({ hostAliases: [OTHER_ALIAS, {}] })],
    ['a longer name', aPod({ hostAliases: [{ hostnames: ['kubernetes.default.example'] }] })],
    ['other sysctls', aPod({ securityContext: { sysctls: [OTHER_SYSCTL] } })],
    ['the way already', whole()],
    [
      'the annotation with enabled',
      aPod({}, { annotations: { 'lanyard.dev/service-name': 'enabled' } }),
    ],
    [
      'a port of what calls itself the sidecar',
      aPod({
        initContainers: [aContainer({ name: 'lanyard-sidecar', ports: [{ containerPort: 443 }] })],
      }),
    ],
  ])('takes a pod that has %s', (_name, pod) => {
    expect(mayLeadServiceName(pod)).toBe(true)
  })
})

describe('withoutServiceName()', () => {
  test('leaves a sysctl that came without our alias, since it is the author’s', () => {
    const pod = aPod({ securityContext: { sysctls: [SYSCTL] } })
    expect(withoutServiceName(pod)).toBe(pod)
  })

  test('takes out ours alone', () => {
    const own = { hostAliases: [OTHER_ALIAS], securityContext: { sysctls: [OTHER_SYSCTL] } }
    expect(withoutServiceName(whole(own))).toEqual(aPod(own))
  })
})

describe('serviceNameFinding()', () => {
  test.each<[string, Partial<PodSpec>]>([
    ['another alias', { hostAliases: [OTHER_ALIAS, ALIAS] }],
    ['another name for our address', { hostAliases: [ALIAS, { ip: ALIAS.ip, hostnames: ['x'] }] }],
    ['another sysctl', { securityContext: { sysctls: [OTHER_SYSCTL, SYSCTL] } }],
  ])('takes %s that a webhook added', (_name, added) => {
    expect(serviceNameFinding({ ...whole().spec, ...added }, true)).toBeUndefined()
  })

  test.each<[string, Partial<PodSpec>, string]>([
    ['an alias that is gone', { hostAliases: [] }, 'spec.hostAliases'],
    ['a changed address', { hostAliases: [{ ...ALIAS, ip: '10.0.0.9' }] }, 'spec.hostAliases'],
    [
      'a name a second time',
      { hostAliases: [{ ip: '10.0.0.9', hostnames: ['kubernetes.default'] }, ALIAS] },
      'spec.hostAliases[0]',
    ],
    ['sysctls that are gone', { securityContext: {} }, 'spec.securityContext.sysctls'],
    [
      'a sysctl a second time',
      { securityContext: { sysctls: [SYSCTL, { ...SYSCTL, value: '1024' }] } },
      'spec.securityContext.sysctls',
    ],
  ])('names %s', (_name, changed, field) => {
    expect(serviceNameFinding({ ...whole().spec, ...changed }, true)?.field).toBe(field)
  })

  test('names an alias without a sidecar that listens, and nothing where there is neither', () => {
    expect(serviceNameFinding(whole().spec, false)?.field).toBe('spec.hostAliases')
    expect(serviceNameFinding(aPod().spec, false)).toBeUndefined()
  })
})

describe('verifyInjection()', () => {
  test('takes the way to the sidecar as injection wrote it, and refuses it without its variable', () => {
    const injected = inject(aPod())
    expect(verifyInjection(injected, SIDECAR, {}).finding).toBeUndefined()
    const [sidecar, ...rest] = injected.spec.initContainers ?? []
    const env = (sidecar?.env ?? []).filter(({ name }) => name !== 'LANYARD_SERVICE_NAME_ADDRESS')
    const initContainers = [{ ...aContainer(sidecar), env }, ...rest]
    const changed = { ...injected, spec: { ...injected.spec, initContainers } }
    expect(verifyInjection(changed, SIDECAR, {}).finding?.field).toBe('spec.hostAliases')
  })

  test('takes the author’s annotation', () => {
    expect(verifyInjection(inject(aPod({}, DISABLED)), SIDECAR, {}).finding).toBeUndefined()
  })
})

test.each<[Record<string, string>, boolean]>([
  [{}, true],
  [{ 'lanyard.dev/service-name': 'enabled' }, true],
  [{ 'lanyard.dev/service-name': 'disabled' }, true],
  [{ 'lanyard.dev/service-name': 'off' }, false],
  [{ 'lanyard.dev/service-name': '' }, false],
])('whyNotServiceName() of %j takes it: %s', (annotations, taken) => {
  expect(whyNotServiceName(annotations) === undefined).toBe(taken)
})

test.each([
  ['lanyard.dev/service-name', true],
  ['lanyard.dev/service-names', false],
  ['service-name', false],
])('isServiceNameAnnotation() of %s is %s', (key, want) => {
  expect(isServiceNameAnnotation(key)).toBe(want)
})
