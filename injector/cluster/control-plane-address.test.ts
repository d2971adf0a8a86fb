import { describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { ControlPlaneAddress } from './control-plane-address.ts'

const SERVICE = 'lanyard-control-plane.lanyard-system.svc:8443'
const MINUTE = 60_000

interface Fixture {
  readonly address: ControlPlaneAddress
  readonly asked: string[]
  now: number
  ip: string | undefined
}

function fixture(configured = SERVICE): Fixture {
  const asked: string[] = []
  const state: Fixture = {
    asked,
    now: 0,
    ip: '10.96.0.7',
    address: new ControlPlaneAddress(
      configured,
      async (path) => {
        asked.push(path)
        return state.ip === undefined ? undefined : { spec: { clusterIP: state.ip } }
      },
      () => state.now,
    ),
  }
  return state
}

describe('ControlPlaneAddress', () => {
  test.each([
    ['10.96.0.7', '10.96.0.7:8443'],
    ['fd00::7', '[fd00::7]:8443'],
  ])('gives the cluster IP %s of a Service as %s', async (ip, want) => {
    const state = fixture()
    state.ip = ip
    expect(await state.address.current()).toBe(want)
    expect(state.address.name).toBe('lanyard-control-plane.lanyard-system.svc')
    expect(state.asked).toEqual([
      '/api/v1/namespaces/lanyard-system/services/lanyard-control-plane',
    ])
  })

  test.each(['10.0.0.1:8443', 'localhost:1', '[fd00::1]:8443', 'control-plane.example:8443'])(
    'leaves %s as it is, asking nobody',
    async (configured) => {
      const state = fixture(configured)
      expect(await state.address.current()).toBe(configured)
      expect(await state.address.isKnown(configured)).toBe(true)
      expect(state.address.name).toBe('')
      expect(state.asked).toEqual([])
    },
  )

  test('asks again after five seconds, not before', async () => {
    const state = fixture()
    await state.address.current()
    state.now = 4_999
    await state.address.current()
    expect(state.asked).toHaveLength(1)
    state.now = 5_000
    await state.address.current()
    expect(state.asked).toHaveLength(2)
  })

  test('knows the address before for ten minutes, since a pod may be on its way', async () => {
    const state = fixture()
    await state.address.current()
    state.ip = '10.96.0.8'
    state.now = MINUTE
    expect(await state.address.current()).toBe('10.96.0.8:8443')
    expect(await state.address.isKnown('10.96.0.7:8443')).toBe(true)
    state.now = 10 * MINUTE
    await state.address.current()
    expect(await state.address.isKnown('10.96.0.7:8443')).toBe(false)
    expect(await state.address.isKnown('10.96.0.8:8443')).toBe(true)
  })

  test('looks immediately when another replica knows something newer', async () => {
    const state = fixture()
    await state.address.current()
    state.ip = '10.96.0.8'
    expect(await state.address.isKnown('10.96.0.8:8443')).toBe(true)
    expect(await state.address.isKnown('10.96.0.9:8443')).toBe(false)
  })

  test.each([undefined, '', 'None'])('throws while the Service has the IP %s', async (ip) => {
    const state = fixture()
    state.ip = ip
    await expect(state.address.current()).rejects.toThrow(Fault)
  })
})
