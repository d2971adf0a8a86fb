import { expect, test } from 'vitest'
import { checkOtherWebhooks, type MutatingConfiguration } from './webhook-checks.ts'

type Webhook = NonNullable<MutatingConfiguration['webhooks']>[number]

const PODS = [{ apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }]
const configuration = (name: string, webhook: Partial<Webhook> = {}): MutatingConfiguration => ({
  metadata: { name },
  webhooks: [{ name: `${name}.example`, rules: PODS, ...webhook }],
})
const check = (...all: readonly MutatingConfiguration[]) =>
  checkOtherWebhooks(all, 'team', { mesh: 'on' })
const selecting = (key: string, operator: string, ...values: readonly string[]) =>
  configuration('z', { namespaceSelector: { matchExpressions: [{ key, operator, values }] } })

test.each<[string, MutatingConfiguration, RegExp]>([
  ['OpenTelemetry', configuration('opentelemetry-operator'), /NODE_OPTIONS.*container-names/],
  [
    'one known by its Service',
    configuration('z', { clientConfig: { service: { namespace: 'd', name: 'datadog-webhook' } } }),
    /LD_PRELOAD/,
  ],
  [
    'Kyverno, which comes before but again',
    configuration('kyverno', { reinvocationPolicy: 'IfNeeded' }),
    /leave the container/,
  ],
  ['one that nobody knows', configuration('z'), /where pods are refused/],
  [
    'one of all groups',
    configuration('z', { rules: [{ apiGroups: ['*'], resources: ['*'], operations: ['*'] }] }),
    /^Mutating.* z changes/,
  ],
  [
    'one for the label',
    configuration('z', { namespaceSelector: { matchLabels: { mesh: 'on' } } }),
    / z /,
  ],
  ['one for the name', selecting('kubernetes.io/metadata.name', 'In', 'team'), / z /],
  ['one whose operator nobody knows', selecting('mesh', 'Like'), / z /],
])('checkOtherWebhooks() warns of %s', (_name, one, want) => {
  const { result, hints = [] } = check(one)
  expect(result).toBe('warning')
  expect(hints).toEqual([
    expect.stringMatching(want),
    expect.stringContaining('before lanyard-injector'),
  ])
})

test.each<[string, readonly MutatingConfiguration[]]>([
  ['nobody', []],
  ['one that comes before', [configuration('kyverno', { reinvocationPolicy: 'Never' })]],
  ['one that does no harm', [configuration('zz-istio-sidecar')]],
  [
    'one of other objects',
    [configuration('z', { rules: [{ apiGroups: ['apps'], resources: ['*'], operations: ['*'] }] })],
  ],
  [
    'one without rules',
    [{ metadata: { name: 'z' }, webhooks: [{ name: 'z' }] }, { metadata: { name: 'y' } }],
  ],
  [
    'one of other namespaces',
    [
      selecting('mesh', 'NotIn', 'on'),
      selecting('mesh', 'DoesNotExist'),
      selecting('x', 'Exists'),
      selecting('mesh', 'In', 'off'),
    ],
  ],
  [
    'Lanyard itself',
    [
      configuration('lanyard-injector', {
        reinvocationPolicy: 'IfNeeded',
        clientConfig: {
          service: {
            namespace: 'default',
            name: 'kubernetes',
            path: '/apis/admission.lanyard.dev/v1alpha1/mutate',
          },
        },
      }),
    ],
  ],
])('checkOtherWebhooks() has nothing to say of %s', (_name, all) => {
  expect(check(...all)).toEqual({ result: 'ok' })
})
