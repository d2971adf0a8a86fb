import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHealthServer } from './health-server.ts'
import { createMetrics } from './metrics.ts'

let server: Awaited<ReturnType<typeof startHealthServer>>
let port: number
beforeEach(async () => {
  server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    metrics: createMetrics('test', '0'),
    checks: {},
  })
  ;({ port } = server.address() as AddressInfo)
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

async function hold(count: number, localAddress: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => undefined)
    socket.write('GET /livez HTTP/1.1\r\nX: ')
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return sockets
}

function connections(): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
}

test('startHealthServer() answers others while one holds half requests, of which few are kept', async () => {
  const held = await hold(500, '127.0.0.2')
  const answer = await fetch(`http://127.0.0.1:${port}/livez`)
  expect(await answer.text()).toBe('ok\n')
  await expect.poll(connections).toBeLessThanOrEqual(9)
  for (const socket of held) socket.destroy()
})

test('startHealthServer() answers while many addresses hold half requests', async () => {
  const held = await Promise.all(
    Array.from({ length: 40 }, (_, index) => hold(8, `127.0.1.${index + 1}`)),
  )
  const answer = await fetch(`http://127.0.0.1:${port}/livez`)
  expect(answer.status).toBe(200)
  await expect.poll(connections).toBeLessThanOrEqual(64)
  for (const socket of held.flat()) socket.destroy()
})

test('startHealthServer() answers an address that holds half requests itself', async () => {
  const held = await hold(100, '127.0.0.1')
  expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
  for (const socket of held) socket.destroy()
})

test('startHealthServer() ends a half request after some seconds, and takes no long head', async () => {
  const [held] = await hold(1, '127.0.0.1')
  const startMs = performance.now()
  held?.resume()
  await once(held as Socket, 'close')
  expect(performance.now() - startMs).toBeLessThan(10_000)
  const long = await fetch(`http://127.0.0.1:${port}/livez`, { headers: { x: 'y'.repeat(9_000) } })
  expect(long.status).toBe(431)
})
