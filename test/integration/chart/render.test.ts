import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { isBuiltInController } from '../../../core/kubernetes/built-in-controllers.ts'
import { ADMISSION_GROUP, ADMISSION_ROOT, ADMISSION_VERSION } from '../../../core/names.ts'
import { NEUTRAL_KEYS } from '../../../core/templates/neutral-keys.ts'
import { injectorConfig } from '../../../injector/config.ts'
import { isChainReset } from '../../../injector/review/review-chain-reset.ts'
import { isWorkload } from '../../../injector/review/review-workload.ts'
import { loadConfig } from '../../../platform/config.ts'
import { findHelm } from '../../support/find-kubernetes.ts'
import { anAdmissionRequest } from '../../support/pod-builders.ts'
import { type Manifest, type RenderedChart, renderChart } from '../../support/rendered-chart.ts'

/* What Helm makes of the chart. `npm run golden` writes the golden files again. */

/** Of objects that are in no namespace. */
const CLUSTER_WIDE = 'lanyard-chain-revocations'
const GOLDEN = resolve(import.meta.dirname, '../../golden/chart')
const helm = findHelm()
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
/** Where the file is. */
const NODE = 'controlPlane.nodeSelector.kubernetes\\.io/hostname=n1'
const set = (...values: readonly string[]) => values.flatMap((value) => ['--set', value])

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  defaults: [],
  'host-path': set(
    'controlPlane.persistence.type=hostPath',
    'controlPlane.persistence.hostPath=/srv/lanyard',
    'controlPlane.nodeSelector.disk=fast',
  ),
  'air-gapped': set(
    'image.registry=registry.example/lanyard/',
    `image.digests.lanyard-sidecar=${DIGEST}`,
    `image.digests.lanyard-injector=${DIGEST}`,
    'image.pullSecrets[0].name=registry',
  ),
  strict: set(
    'controlPlane.defaultDecision=Deny',
    'networkPolicies.enabled=false',
    'controlPlane.logLevel=warn',
    'injector.logLevel=error',
    'sidecar.logLevel=debug',
    'injector.apiAudiences=https://one.example\\,two',
  ),
  large: set(
    'injector.replicas=3',
    'controlPlane.persistence.storageClassName=ssd',
    'controlPlane.persistence.size=100Gi',
    'injector.tolerations[0].key=infra',
    'injector.tolerations[0].operator=Exists',
    'injector.nodeSelector.pool=system',
    'injector.apiServerUrl=https://api.example:6443',
    'sidecar.resources.memoryLimit=256Mi',
    'injector.visitFailurePolicy=Ignore',
  ),
}

/** Where visits pass without a record. */
const VISITS_PASS = ['large']

const WORKLOAD_KINDS = ['Deployment', 'StatefulSet']
const podsOf = (chart: RenderedChart): readonly Manifest[] =>
  chart.objects
    .filter(({ kind }) => WORKLOAD_KINDS.includes(kind))
    .map(({ spec }) => spec.template.spec)
const webhooksOf = (chart: RenderedChart): readonly Manifest[] =>
  ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'].flatMap(
    (kind) => chart.find(kind, 'lanyard-injector').webhooks,
  )
const rulesOf = (chart: RenderedChart): readonly Manifest[] =>
  chart.objects
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .flatMap(({ rules }) => rules)
const environment = (chart: RenderedChart): Record<string, string> => {
  const [container] = chart.find('Deployment', 'lanyard-injector').spec.template.spec.containers
  return Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  )
}

const OPTED_IN = {
  matchLabels: { 'lanyard.dev/injection': 'enabled' },
  matchExpressions: [
    {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['lanyard-system', 'kube-system'],
    },
  ],
}

describe.skipIf(helm === undefined).each(Object.keys(VARIANTS))('the chart with %s', (variant) => {
  let chart: RenderedChart
  beforeAll(async () => {
    chart = await renderChart(helm ?? '', VARIANTS[variant])
  })

  test('is what its golden file holds', async () => {
    await expect(chart.text).toMatchFileSnapshot(join(GOLDEN, `${variant}.yaml`))
  })

  test('fails closed: every webhook, every admission policy, but who visits where that is chosen', () => {
    const policies = chart.objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
    const visits = webhooksOf(chart).filter(({ name }) => name === 'visit.lanyard.dev')
    const chosen = VISITS_PASS.includes(variant) ? 'Ignore' : 'Fail'
    expect(visits.map(({ failurePolicy }) => failurePolicy)).toEqual([chosen])
    const others = webhooksOf(chart).filter(({ name }) => name !== 'visit.lanyard.dev')
    const checks = [...others, ...policies.map(({ spec }) => spec)]
    expect(checks.map(({ failurePolicy }) => failurePolicy)).toEqual(
      Array.from({ length: 15 }, () => 'Fail'),
    )
  })

  test('leads to the only control plane whatever it says of itself, and to injectors that are ready', () => {
    const leads = (name: string) => chart.find('Service', name).spec.publishNotReadyAddresses
    expect(chart.find('StatefulSet', 'lanyard-control-plane').spec.replicas).toBe(1)
    expect(leads('lanyard-control-plane')).toBe(true)
    expect(leads('lanyard-injector')).toBeUndefined()
  })

  test('exempts two namespaces by name, and none by a label that a tenant can set', () => {
    const policies = chart.objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
    const ofNamespaces = policies.filter(({ metadata }) => metadata.name !== CLUSTER_WIDE)
    const selectors = [
      ...webhooksOf(chart),
      ...ofNamespaces.map(({ spec }) => spec.matchConstraints),
    ].map(({ namespaceSelector }) => namespaceSelector)
    expect(selectors).toEqual(Array.from({ length: 15 }, () => OPTED_IN))
    expect(webhooksOf(chart).map(({ objectSelector }) => objectSelector)).toEqual(
      Array.from({ length: 8 }, () => ({})),
    )
    const partial = webhooksOf(chart).filter((webhook) => 'matchConditions' in webhook)
    expect(partial.map(({ name }) => name)).toEqual([
      'restore.lanyard.dev',
      'record-status.lanyard.dev',
      'join.lanyard.dev',
    ])
  })

  test('binds each admission policy, to deny', () => {
    const names = (kind: string) =>
      chart.objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name)
    const bindings = chart.objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding')
    expect(names('ValidatingAdmissionPolicyBinding').sort()).toEqual(
      names('ValidatingAdmissionPolicy').sort(),
    )
    for (const { spec, metadata } of bindings) {
      expect(spec).toMatchObject({ policyName: metadata.name, validationActions: ['Deny'] })
    }
  })

  test('asks for nothing by a wildcard, and for no right to give rights', () => {
    const words = rulesOf(chart).flatMap(({ apiGroups, resources, verbs }) => [
      ...apiGroups,
      ...resources,
      ...verbs,
    ])
    expect(words.length).toBeGreaterThan(20)
    for (const word of ['*', 'bind', 'escalate', 'impersonate']) expect(words).not.toContain(word)
    expect(JSON.stringify(chart.objects)).not.toContain('cluster-admin')
  })

  test('reads no Secret but its own', () => {
    const secrets = chart.objects
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .flatMap(({ kind, rules }) =>
        rules
          .filter(({ resources }: Manifest) => resources.includes('secrets'))
          .map(({ verbs, resourceNames }: Manifest) => [kind, verbs, resourceNames]),
      )
    expect(secrets).toEqual([
      ['Role', ['get'], ['lanyard-ca']],
      ['Role', ['create'], undefined],
    ])
  })

  test('runs without rights on the node', () => {
    const pods = podsOf(chart)
    expect(pods).toHaveLength(2)
    for (const { securityContext, containers, hostNetwork, hostPID } of pods) {
      expect({ hostNetwork, hostPID }).toEqual({ hostNetwork: undefined, hostPID: undefined })
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(container.resources).toMatchObject({ requests: {}, limits: {} })
      }
    }
  })

  test('leaves caBundle to the control plane', () => {
    expect(chart.text).not.toContain('caBundle:')
  })

  test('sets what the injector knows, and nothing that it refuses', () => {
    const env = environment(chart)
    const config = loadConfig(injectorConfig, {
      prefix: 'LANYARD',
      args: [],
      env,
      readFile: () => '',
    })
    expect(config.sidecarImage).toBe(env['LANYARD_SIDECAR_IMAGE'])
    const known = Object.keys(injectorConfig.shape).map(
      (name) => `LANYARD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    )
    expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([])
  })
})

describe.skipIf(helm === undefined)('the chart', () => {
  const render = (...values: readonly string[]) => renderChart(helm ?? '', set(...values))

  test('keeps the records on a volume that is claimed, unless it is told otherwise', async () => {
    const { spec } = (await render()).find('StatefulSet', 'lanyard-control-plane')
    expect(spec.volumeClaimTemplates).toMatchObject([
      { metadata: { name: 'store' }, spec: { accessModes: ['ReadWriteOnce'] } },
    ])
    expect(JSON.stringify(spec)).not.toContain('hostPath')
    expect(spec.template.spec.initContainers).toBeUndefined()
  })

  test.each([
    ['StatefulSet', 'lanyard-control-plane'],
    ['Deployment', 'lanyard-injector'],
  ])('lets others reach the ports of %s %s and nothing else', async (kind, name) => {
    const chart = await render()
    const { spec } = chart.find(kind, name)
    const [{ ports }] = spec.template.spec.containers
    const policy = chart.find('NetworkPolicy', name).spec
    expect(policy.podSelector).toEqual(spec.selector)
    expect(policy.policyTypes).toEqual(['Ingress'])
    const [{ from, ports: open }] = policy.ingress
    expect(from).toBeUndefined()
    const numbers = ports.map(({ containerPort }: { containerPort: number }) => containerPort)
    expect(open.map(({ port }: { port: number }) => port).sort()).toEqual(numbers.sort())
  })

  test('has one writer, and two injectors of which one may be away', async () => {
    const chart = await render()
    expect(chart.find('StatefulSet', 'lanyard-control-plane').spec.replicas).toBe(1)
    const { spec } = chart.find('Deployment', 'lanyard-injector')
    expect(spec.replicas).toBe(2)
    const budget = chart.find('PodDisruptionBudget', 'lanyard-injector').spec
    expect(budget).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: spec.selector,
    })
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
  })

  test('keeps the control plane on the node with the file, and not the injectors', async () => {
    const chart = await render('controlPlane.persistence.type=hostPath', NODE)
    const podOf = (kind: string, name: string) => chart.find(kind, name).spec.template.spec
    expect(podOf('StatefulSet', 'lanyard-control-plane').nodeSelector).toEqual({
      'kubernetes.io/hostname': 'n1',
    })
    expect(podOf('Deployment', 'lanyard-injector').nodeSelector).toBeUndefined()
    const anywhere = render('controlPlane.persistence.type=hostPath', 'injector.nodeSelector.a=b')
    await expect(anywhere).rejects.toThrow(/say which one by controlPlane\.nodeSelector/)
  })

  test('calls the webhooks through kube-apiserver, which trusts itself', async () => {
    const chart = await render()
    const service = { name: 'kubernetes', namespace: 'default', port: 443 }
    expect(webhooksOf(chart).map(({ clientConfig }) => clientConfig)).toEqual(
      [...Array(3).fill('mutate'), ...Array(5).fill('validate')].map((webhook) => ({
        service: { ...service, path: `${ADMISSION_ROOT}/${webhook}` },
      })),
    )
    const { spec } = chart.find('APIService', `${ADMISSION_VERSION}.${ADMISSION_GROUP}`)
    expect(spec).toMatchObject({
      group: ADMISSION_GROUP,
      version: ADMISSION_VERSION,
      service: { name: 'lanyard-injector', namespace: 'lanyard-system', port: 443 },
    })
  })

  test('is root only to hand a folder of the node to the control plane', async () => {
    const pods = podsOf(await render('controlPlane.persistence.type=hostPath', NODE))
    const initContainers = pods.flatMap((pod) => pod.initContainers ?? [])
    expect(initContainers).toHaveLength(1)
    expect(initContainers[0].securityContext).toEqual({
      runAsNonRoot: false,
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
    })
  })

  test.each<[string, readonly string[], string]>([
    ['the version of the chart', [], 'lanyard-sidecar:0.1.0'],
    ['a tag', ['image.tag=v9'], 'lanyard-sidecar:v9'],
    [
      'a registry, with or without a slash',
      ['image.registry=r.example/'],
      'r.example/lanyard-sidecar:0.1.0',
    ],
    [
      'a digest, which wins over the tag',
      ['image.tag=v9', `image.digests.lanyard-sidecar=${DIGEST}`],
      `lanyard-sidecar@${DIGEST}`,
    ],
  ])('names the sidecar by %s', async (_name, values, want) => {
    expect(environment(await render(...values))['LANYARD_SIDECAR_IMAGE']).toBe(want)
  })

  test('sends each workload to the injector that the injector takes, and no other', async () => {
    const webhooks = webhooksOf(await render()).filter(({ name }) => name.startsWith('record'))
    const sent = webhooks.flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources, operations }: Manifest) =>
        resources.flatMap((path: string) =>
          operations.map((operation: 'CREATE') => ({ group: apiGroups[0], path, operation })),
        ),
      ),
    )
    const taken = sent.map(({ group, path, operation }: Manifest) => {
      const [resource = '', subresource = ''] = path.split('/')
      const kind = { group, version: 'v1', kind: 'X' }
      const request = anAdmissionRequest({ kind, resource, subresource, operation })
      return isWorkload(request) || isChainReset(request)
    })
    expect(taken).toEqual(Array.from({ length: 24 }, () => true))
  })

  test('asks about a status whoever is no controller of the cluster, all of which it knows', async () => {
    const webhook = webhooksOf(await render()).find(({ name }) => name.startsWith('record-status'))
    const [{ expression }] = webhook.matchConditions
    const named = [...expression.matchAll(/'([^']+)'/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(7)
    expect(named.filter((username: string) => !isBuiltInController({ username }))).toEqual([])
  })

  test('says which keys choose no code as the injector does by itself', async () => {
    const { LANYARD_NEUTRAL_KEYS: keys } = environment(await render())
    expect(keys?.split(',')).toEqual(NEUTRAL_KEYS)
  })

  test.each<[string, string, RegExp]>([
    [
      'a place for records that there is not',
      'controlPlane.persistence.type=nfs',
      /'pvc', 'hostPath'/,
    ],
    ['a folder that is not absolute', 'controlPlane.persistence.hostPath=data', /hostPath/],
    ['a size in words', 'controlPlane.persistence.size=big', /persistence\/size.*does not match/],
    ['no injector', 'injector.replicas=0', /injector\/replicas.*minimum: got 0, want 1/],
    ['a number in words', 'injector.replicas=two', /injector\/replicas.*want integer/],
    ['a misspelt value', 'injector.replica=3', /additional properties 'replica' not allowed/],
    ['a misspelt part', 'inyector.replicas=3', /additional properties 'inyector' not allowed/],
    ['a log level that there is not', 'sidecar.logLevel=trace', /sidecar\/logLevel.*'error'/],
    [
      'a decision that there is not',
      'controlPlane.defaultDecision=Allow',
      /'SubjectAccessReview', 'Deny'/,
    ],
    ['memory in words', 'sidecar.resources.memoryLimit=lots', /memoryLimit.*does not match/],
    ['a processor in words', 'sidecar.resources.cpuLimit=one', /cpuLimit/],
    ['no memory', 'sidecar.resources.memoryLimit=', /memoryLimit.*does not match/],
    ['a pull policy that there is not', 'image.pullPolicy=Sometimes', /image\/pullPolicy/],
    ['a nodeSelector for both', 'nodeSelector.disk=fast', /'nodeSelector' not allowed/],
    ['an API server without TLS', 'injector.apiServerUrl=http://x', /apiServerUrl/],
    ['another failure policy', 'injector.visitFailurePolicy=Maybe', /visitFailurePolicy/],
    ['half a digest', 'image.digests.lanyard-sidecar=sha256:12', /does not match/],
    ['a digest of another image', `image.digests.sidecar=${DIGEST}`, /'sidecar' not allowed/],
  ])('refuses %s', async (_name, value, message) => {
    await expect(render(value)).rejects.toThrow(message)
  })

  test('refuses visits without a record where visitors join', async () => {
    const both = render('controlPlane.visitorsJoin=true', 'injector.visitFailurePolicy=Ignore')
    await expect(both).rejects.toThrow(/injector\.visitFailurePolicy must be Fail/)
  })

  test('refuses another namespace, with the command that works', async () => {
    await expect(renderChart(helm ?? '', [], 'default')).rejects.toThrow(
      'helm install lanyard ... --namespace lanyard-system --create-namespace',
    )
  })
})
