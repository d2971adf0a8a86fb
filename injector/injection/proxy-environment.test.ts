import { describe, expect, test } from 'vitest'
import type { EnvVar } from '../../core/pods/pod.ts'
import { exceptLoopback, isProxyException } from './proxy-environment.ts'

const LOOPBACK = '127.0.0.1,localhost,::1'
const PROXY = { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' }
const FROM = { configMapKeyRef: { name: 'proxy', key: 'except' } }
const CONFIG_MAP = [{ configMapRef: { name: 'proxy' } }]

describe('exceptLoopback()', () => {
  test.each<[string, EnvVar[], EnvVar[]]>([
    ['nothing', [], []],
    ['no proxy', [{ name: 'A', value: 'b' }], [{ name: 'A', value: 'b' }]],
    [
      'a proxy alone',
      [PROXY],
      [PROXY, { name: 'NO_PROXY', value: LOOPBACK }, { name: 'no_proxy', value: LOOPBACK }],
    ],
    [
      'a proxy in small letters',
      [{ name: 'all_proxy', value: 'socks5://x' }],
      [
        { name: 'all_proxy', value: 'socks5://x' },
        { name: 'NO_PROXY', value: LOOPBACK },
        { name: 'no_proxy', value: LOOPBACK },
      ],
    ],
    [
      'exceptions, to which loopback is added',
      [PROXY, { name: 'NO_PROXY', value: '10.0.0.0/8,.svc' }],
      [PROXY, { name: 'NO_PROXY', value: `10.0.0.0/8,.svc,${LOOPBACK}` }],
    ],
    [
      'both spellings, each with its own',
      [
        { name: 'no_proxy', value: 'a' },
        { name: 'NO_PROXY', value: 'b' },
      ],
      [
        { name: 'no_proxy', value: `a,${LOOPBACK}` },
        { name: 'NO_PROXY', value: `b,${LOOPBACK}` },
      ],
    ],
    [
      'a part of loopback already',
      [{ name: 'NO_PROXY', value: 'localhost, 127.0.0.1' }],
      [{ name: 'NO_PROXY', value: 'localhost, 127.0.0.1,::1' }],
    ],
    [
      'an exception for all hosts',
      [{ name: 'NO_PROXY', value: '*' }],
      [{ name: 'NO_PROXY', value: '*' }],
    ],
    [
      'an empty exception',
      [{ name: 'NO_PROXY', value: '' }],
      [{ name: 'NO_PROXY', value: LOOPBACK }],
    ],
    [
      'an exception without a value',
      [{ name: 'no_proxy' }],
      [{ name: 'no_proxy', value: LOOPBACK }],
    ],
    [
      'an exception from a ConfigMap',
      [{ name: 'NO_PROXY', valueFrom: FROM }],
      [
        { name: 'LANYARD_NO_PROXY', valueFrom: FROM },
        { name: 'NO_PROXY', value: `$(LANYARD_NO_PROXY),${LOOPBACK}` },
      ],
    ],
  ])('makes of %s what leads to the sidecar, once', (_name, env, want) => {
    expect(exceptLoopback(env, undefined)).toEqual(want)
    expect(exceptLoopback(want, [])).toEqual(want)
  })

  test('refers to what envFrom may bring, since nobody can read it at admission', () => {
    const value = `$(NO_PROXY),$(no_proxy),${LOOPBACK}`
    const want = [
      { name: 'NO_PROXY', value },
      { name: 'no_proxy', value },
    ]
    expect(exceptLoopback([], CONFIG_MAP)).toEqual(want)
    expect(exceptLoopback(want, CONFIG_MAP)).toEqual(want)
  })

  test('leaves to envFrom nothing that the container says itself', () => {
    const env = [{ name: 'NO_PROXY', value: 'a' }]
    expect(exceptLoopback(env, CONFIG_MAP)).toEqual([{ name: 'NO_PROXY', value: `a,${LOOPBACK}` }])
  })

  test('takes a source beside our own value for an author who applies a second time', () => {
    const value = `$(LANYARD_NO_PROXY),${LOOPBACK}`
    expect(exceptLoopback([{ name: 'NO_PROXY', value, valueFrom: FROM }], undefined)).toEqual([
      { name: 'NO_PROXY', value },
    ])
  })
})

test.each([
  ['NO_PROXY', true],
  ['no_proxy', true],
  ['LANYARD_no_proxy', true],
  ['HTTP_PROXY', false],
  ['LANYARD_', false],
])('isProxyException() of %s is %s', (name, want) => {
  expect(isProxyException({ name })).toBe(want)
})
