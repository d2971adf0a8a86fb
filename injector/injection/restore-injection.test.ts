import { describe, expect, test } from 'vitest'
import type { Container, Pod, PodSpec } from '../../core/pods/pod.ts'
import { aContainer, aPod, BUILT_IN_TOKEN, SIDECAR } from '../../test/support/pod-builders.ts'
import { injectSidecar } from './inject-sidecar.ts'
import { restoreInjection } from './restore-injection.ts'

const HAND = {
  name: 'by-hand',
  projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
}
const OLD = injectSidecar(
  aPod({ containers: [aContainer({ volumeMounts: [BUILT_IN_TOKEN.mount] })] }),
  SIDECAR,
  {},
)
const app = OLD.spec.containers[0] as Container
const changed = (spec: Partial<PodSpec>): Pod => ({ ...OLD, spec: { ...OLD.spec, ...spec } })

describe('restoreInjection()', () => {
  test.each<[string, Partial<PodSpec>]>([
    ['that a token is mounted', { automountServiceAccountToken: true }],
    [
      'where the API server is',
      {
        containers: [
          {
            ...app,
            env: (app.env ?? []).map((one) =>
              one.name === 'KUBERNETES_SERVICE_HOST' ? { ...one, value: '10.96.0.1' } : one,
            ),
          },
        ],
      },
    ],
    [
      'a token by hand',
      {
        volumes: [HAND, ...(OLD.spec.volumes ?? [])],
        containers: [
          {
            ...app,
            volumeMounts: [{ ...BUILT_IN_TOKEN.mount, name: HAND.name }],
          },
        ],
      },
    ],
  ])('takes back %s', (_name, spec) => {
    expect(restoreInjection(OLD, changed(spec))).toEqual(OLD)
  })

  test.each<[string, Partial<PodSpec>]>([
    ['an image', { containers: [{ ...app, image: 'other:2' }] }],
    [
      'a variable',
      { containers: [{ ...app, env: [...(app.env ?? []), { name: 'A', value: 'b' }] }] },
    ],
    ['a sidecar that is gone', { initContainers: [] }],
    ['a volume', { volumes: [...(OLD.spec.volumes ?? []), { name: 'x', emptyDir: {} }] }],
    ['a volume of ours that is gone', { volumes: [] }],
  ])('leaves %s for kube-apiserver to judge', (_name, spec) => {
    expect(restoreInjection(OLD, changed(spec))).toEqual(changed(spec))
  })

  test('takes back the way from the name of the API server, beside what the author wrote', () => {
    const own = {
      hostAliases: [{ ip: '10.0.0.5', hostnames: ['db.team'] }],
      securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] },
    }
    const old = injectSidecar(aPod(own), SIDECAR, {})
    const again = { ...old, spec: { ...old.spec, ...own } }
    expect(restoreInjection(old, again)).toEqual(old)
    const other = { ...old, spec: { ...old.spec, ...own, hostAliases: [] } }
    expect(restoreInjection(old, other)).toEqual(other)
  })

  test('takes back a token by hand at a path of its own, merged with what injection wrote', () => {
    const volume = {
      name: 'v',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt' } },
        ],
      },
    }
    const mount = { name: 'v', mountPath: '/etc/cluster' }
    const bare = aPod({
      volumes: [volume],
      containers: [aContainer({ volumeMounts: [mount] })],
    })
    const old = injectSidecar(bare, SIDECAR, {})
    expect(JSON.stringify(old)).not.toContain('"v"')
    const [container = aContainer()] = old.spec.containers
    const [led] = container.volumeMounts ?? []
    expect(led).toEqual({
      name: 'lanyard-run',
      mountPath: '/etc/cluster',
      subPath: `containers/${container.name}`,
      readOnly: true,
    })
    const again = {
      ...old,
      spec: {
        ...old.spec,
        volumes: [...(old.spec.volumes ?? []), volume],
        containers: [{ ...container, volumeMounts: [{ ...led, name: 'v' } as typeof mount] }],
      },
    }
    expect(restoreInjection(old, again)).toEqual(old)
    expect(injectSidecar(old, SIDECAR, {})).toEqual(old)
  })

  test('leaves a pod that was not injected', () => {
    const now = aPod({ automountServiceAccountToken: true })
    expect(restoreInjection(aPod(), now)).toBe(now)
  })
})
