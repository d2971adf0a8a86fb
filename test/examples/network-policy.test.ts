import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

/* examples/network-policy against what the chart and the injector write; a network plugin enforces it. */

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> }
      readonly spec: {
        readonly containers: readonly {
          readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
        }[]
      }
    }
  }
}

const { spec: policy } = parse(read('examples/network-policy/egress.yaml'))
const [toControlPlane] = policy.egress
const rendered = ['defaults', 'strict', 'large', 'air-gapped', 'host-path']

function controlPlaneOf(variant: string): Manifest {
  const manifests = parseAllDocuments(read(`test/golden/chart/${variant}.yaml`)).map(
    (document) => document.toJS() as Manifest | null,
  )
  const found = manifests.find(
    (manifest) =>
      manifest?.kind === 'StatefulSet' && manifest.metadata.name === 'lanyard-control-plane',
  )
  if (found == null) throw new Error(`${variant} has no control plane`)
  return found
}

test.each(rendered)(
  'egress.yaml selects the control plane as the chart renders it: %s',
  (variant) => {
    const { metadata, spec } = controlPlaneOf(variant)
    const [peer] = toControlPlane.to
    expect(peer.namespaceSelector.matchLabels).toEqual({
      'kubernetes.io/metadata.name': metadata.namespace,
    })
    expect(spec.template.metadata.labels).toMatchObject(peer.podSelector.matchLabels)
    const ports = spec.template.spec.containers.flatMap((container) => container.ports ?? [])
    const grpc = ports.find(({ name }) => name === 'grpc')
    // A NetworkPolicy is about the port of the pod, never about the port of a Service.
    expect(toControlPlane.ports).toEqual([{ protocol: 'TCP', port: grpc?.containerPort }])
  },
)

test('egress.yaml applies to an injected pod, and lets it reach the control plane that it is told', () => {
  const injected = read('injector/golden/plain-pod.injected.yaml')
  expect(policy.podSelector).toEqual({})
  expect(policy.policyTypes).toEqual(['Egress'])
  const [peer] = toControlPlane.to
  const name = peer.podSelector.matchLabels['app.kubernetes.io/name']
  const namespace = peer.namespaceSelector.matchLabels['kubernetes.io/metadata.name']
  expect(injected).toContain(`value: ${name}.${namespace}.svc:${toControlPlane.ports[0].port}`)
})

test('egress.yaml opens DNS by UDP and TCP', () => {
  expect(policy.egress[1].ports).toEqual([
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ])
})
