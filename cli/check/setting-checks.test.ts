import { expect, test } from 'vitest'
import type { Container } from '../../core/pods/pod.ts'
import { aContainer, aPod } from '../../test/support/pod-builders.ts'
import { checkSettings } from './setting-checks.ts'

const keysOf = async (name: string) =>
  name === 'proxy' ? ['HTTPS_PROXY', 'NO_PROXY', 'OTHER'] : undefined
const check = (container: Partial<Container>) =>
  checkSettings(
    {
      templates: [
        { what: 'job/run', runs: false, pod: aPod({ containers: [aContainer(container)] }) },
      ],
      unread: [],
    },
    keysOf,
  )
const env = (value: string) => ({ env: [{ name: 'X', value }] })
const args = (...list: readonly string[]) => ({ args: list }) as Partial<Container>
const from = (name: string, prefix = '') => ({ envFrom: [{ prefix, configMapRef: { name } }] })

test.each<[string, Partial<Container>, string]>([
  [
    'the name as an URL in a pod with a port 443',
    { ...args('--master=https://kubernetes.default.svc:443'), ports: [{ containerPort: 443 }] },
    'as kubernetes.default.svc,',
  ],
  ['the shortest name', env('https://kubernetes/'), '401'],
  ['the name in another domain', env('kubernetes.default.svc.corp.local'), '401'],
  ['exceptions of Java', env('-Dhttp.nonProxyHosts=*.corp|10.*'), '127.*'],
  ['a proxy of a ConfigMap', from('proxy'), 'HTTPS_PROXY from ConfigMap proxy'],
])('checkSettings() warns of %s', async (_name, container, want) => {
  const { result, hints = [] } = await check(container)
  expect(result).toBe('warning')
  expect(hints).toEqual([expect.stringContaining(want)])
  expect(hints[0]).toMatch(/^job\/run, container app /)
})

test.each<[string, Partial<Container>]>([
  ['nothing', {}],
  ['the name as an URL', args('--master=https://kubernetes.default.svc:443')],
  ['the short name', env('https://kubernetes.default')],
  ['a name that only looks so', env('my-kubernetes.default.example')],
  ['the site of Kubernetes', env('https://kubernetes.io/docs')],
  ['exceptions of Java with loopback', env('-Dhttp.nonProxyHosts="localhost|127.*|*.corp"')],
  ['exceptions of Java for all', env('-Dhttps.nonProxyHosts=*')],
  ['a ConfigMap that cannot be read', from('secret')],
  ['a ConfigMap whose keys get a prefix', from('proxy', 'APP_')],
  ["the sidecar's own", { name: 'lanyard-sidecar', ...env('https://kubernetes.default') }],
])('checkSettings() has nothing to say of %s', async (_name, container) => {
  expect(await check(container)).toEqual({ result: 'ok' })
})
