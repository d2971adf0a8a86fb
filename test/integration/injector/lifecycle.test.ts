import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  INJECTOR_TOKEN,
  type InjectorFixture,
  MUTATE,
  startInjectorFixture,
} from '../../support/injector-fixture.ts'
import { aPod } from '../../support/pod-builders.ts'

/* From the start of the injector's process to its end. */

let injector: InjectorFixture
beforeEach(async () => {
  injector = await startInjectorFixture({ LANYARD_DRAIN_WAIT_MS: '1000' })
  await vi.waitFor(() => injector.health('/livez'), 20_000)
})
afterEach(() => injector.close())

const ready = () =>
  vi.waitFor(async () => expect((await injector.health('/readyz')).status).toBe(200), 20_000)
const aReview = {
  uid: 'r-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  namespace: 'team',
  operation: 'CREATE',
  userInfo: { username: 'alice' },
  object: aPod(),
}

describe('before the control plane has made its authority, the injector', () => {
  test('lives, is not ready, says why, and refuses connections', async () => {
    expect((await injector.health('/livez')).status).toBe(200)
    const { status, text } = await injector.health('/readyz')
    expect(status).toBe(503)
    expect(text).toContain('waiting for the certificate authority')
    await expect(injector.review(MUTATE, aReview)).rejects.toThrow('ECONNREFUSED')
  })

  test('is ready by itself once there is one', async () => {
    await vi.waitFor(() => expect(injector.api.requests.length).toBeGreaterThan(1), 10_000)
    expect(injector.api.requests[0]).toMatchObject({
      method: 'GET',
      target: '/api/v1/namespaces/lanyard-system/configmaps/lanyard-ca',
    })
    injector.publishAuthority()
    await ready()
    expect(await injector.review(MUTATE, aReview)).toMatchObject({ allowed: true })
  })

  test('keeps asking while the API server fails', async () => {
    injector.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(500).end())
    await vi.waitFor(() => expect(injector.log()).toContain('kube-apiserver answered 500'), 10_000)
    expect((await injector.health('/readyz')).status).toBe(503)
    expect(injector.process.exitCode).toBeNull()
  })

  test('ends immediately when it is told to', async () => {
    injector.process.kill('SIGTERM')
    const [code] = (await once(injector.process, 'exit')) as [number]
    expect(code).toBe(0)
  })
})

describe('at SIGTERM the injector', () => {
  test('is not ready, answers on for a while, then ends with 0', async () => {
    injector.publishAuthority()
    await ready()
    const exit = once(injector.process, 'exit')
    injector.process.kill('SIGTERM')
    await vi.waitFor(async () => expect((await injector.health('/readyz')).status).toBe(503), 900)
    expect((await injector.health('/readyz')).text).toContain('draining')
    // On a new connection too: an endpoint goes away later than the pod hears of its end.
    const fresh = await injector.post(MUTATE, '{}', { agent: false, ...injector.frontProxy })
    expect(fresh.status).toBe(400)
    expect(await injector.review(MUTATE, aReview)).toMatchObject({ allowed: true })
    const [code] = (await exit) as [number]
    expect(code).toBe(0)
    await expect(injector.review(MUTATE, aReview)).rejects.toThrow()
  })

  test('answers what it was asked, however long that takes', async () => {
    injector.publishAuthority()
    await ready()
    await injector.silenceControlPlane()
    const answer = injector.review(MUTATE, aReview)
    const exit = once(injector.process, 'exit')
    injector.process.kill('SIGTERM')
    // The control plane's deadline, five seconds, is longer than the wait and shorter than the drain.
    expect(await answer).toMatchObject({ allowed: false, status: { code: 503 } })
    expect(await exit).toEqual([0, null])
  })

  test('is not held up by a connection that nobody uses', async () => {
    injector.publishAuthority()
    await ready()
    const { host, port } = injector.webhooks
    const idle = connect({ host, port, ca: injector.authorityPem })
    await once(idle, 'secureConnect')
    idle.on('error', () => undefined)
    const began = performance.now()
    const exit = once(injector.process, 'exit')
    injector.process.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
    expect(performance.now() - began).toBeLessThan(6_000)
    idle.destroy()
  })
})

describe('when the authority is another, the injector', () => {
  test('ends, to be started with the new one', async () => {
    injector.publishAuthority()
    await ready()
    const exit = once(injector.process, 'exit')
    await injector.replaceAuthority()
    expect(await exit).toEqual([0, null])
    expect(injector.log()).toContain('The certificate authority was replaced')
  })

  test('goes on while it is only missing or broken', async () => {
    injector.publishAuthority()
    await ready()
    injector.api.onRequest((_incoming, outgoing) => {
      const data = { 'ca.crt': 'x' }
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }))
    })
    const looked = 'Cannot look at the certificate authority'
    await vi.waitFor(() => expect(injector.log()).toContain(looked), 10_000)
    expect(await injector.review(MUTATE, aReview)).toMatchObject({ allowed: true })
  })
})

test('the metrics count what was answered', async () => {
  injector.publishAuthority()
  await ready()
  injector.setToken(INJECTOR_TOKEN)
  await injector.review(MUTATE, aReview)
  const { text } = await injector.health('/metrics')
  expect(text).toContain('lanyard_injector_reviews_total{webhook="mutate",result="patched"} 1')
  expect(text).toContain('lanyard_injector_review_duration_seconds_count{webhook="mutate"} 1')
})
