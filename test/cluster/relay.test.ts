import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRelay } from './relay.ts'

let folder: string
let servers: Server[]
let accepted: Socket[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-relay-'))
  servers = []
  accepted = []
})

afterEach(() => {
  for (const socket of accepted) socket.destroy()
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true })
})

/** client → port on 127.0.0.1 → unix socket → `serve`, as a kubectl reaches a cluster. */
async function startChain(serve: (socket: Socket) => void): Promise<number> {
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const { port } = target.address() as AddressInfo
  const inside = await startRelay(join(folder, 'sock'), { host: '127.0.0.1', port })
  const outside = await startRelay(0, { path: join(folder, 'sock') })
  servers = [target, inside, outside]
  return (outside.address() as AddressInfo).port
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

test('startRelay() passes every byte both ways', async () => {
  const port = await startChain((socket) => socket.pipe(socket))
  const client = connect({ port, allowHalfOpen: true })
  const sent = Buffer.alloc(5_000_000, 'abcdefg')
  client.end(sent)
  expect((await readAll(client)).equals(sent)).toBe(true)
})

test('startRelay() passes a half-close on, and what the other side says after it', async () => {
  const port = await startChain((socket) => {
    socket.resume().once('end', () => socket.end('goodbye'))
  })
  const client = connect({ port, allowHalfOpen: true })
  client.end('that is all')
  expect(String(await readAll(client))).toBe('goodbye')
})

test('startRelay() does not read more than the slower side takes', async () => {
  let sent = 0
  const port = await startChain((socket) => {
    const chunk = Buffer.alloc(65_536)
    const fill = () => {
      while (sent < 500_000_000 && socket.write(chunk)) sent += chunk.length
    }
    socket.on('drain', fill)
    fill()
  })
  const client = connect({ port })
  await once(client, 'connect')
  client.pause()
  await new Promise((resolve) => setTimeout(resolve, 300))
  client.destroy()
  expect(sent).toBeLessThan(100_000_000)
})

test('startRelay() ends the far side when the near one is gone', async () => {
  const port = await startChain(() => {})
  const client = connect({ port })
  client.write('x')
  await expect.poll(() => accepted.length).toBe(1)
  const gone = once(accepted[0] as Socket, 'close')
  accepted[0]?.resume().once('end', () => accepted[0]?.end())
  client.resetAndDestroy()
  await expect(gone).resolves.toBeDefined()
})

test('startRelay() ends the near side when nobody listens behind it', async () => {
  const outside = await startRelay(0, { path: join(folder, 'nobody') })
  servers = [outside]
  const client = connect({ port: (outside.address() as AddressInfo).port })
  client.on('error', () => {})
  await expect(once(client, 'close')).resolves.toBeDefined()
})
