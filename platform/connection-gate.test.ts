import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConnectionGate, type GateBounds } from './connection-gate.ts'

const BOUNDS = { total: 4, perAddress: 3, patienceMs: 60_000, bytesMax: 1_024 }

let server: Server
let gate: ConnectionGate
let accepted: Socket[]
let clients: Socket[]

beforeEach(() => {
  accepted = []
  clients = []
})

afterEach(async () => {
  for (const socket of [...clients, ...accepted]) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

async function start(bounds: Partial<GateBounds> = {}): Promise<void> {
  gate = new ConnectionGate({ ...BOUNDS, ...bounds })
  server = createServer((socket) => {
    accepted.push(socket)
    socket.resume()
    gate.enter(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

/** Resolves once the server has it. */
async function open(): Promise<Socket> {
  const before = accepted.length
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  clients.push(socket)
  await expect.poll(() => accepted.length, { interval: 2 }).toBe(before + 1)
  return socket
}

const openOnes = () => accepted.map(({ destroyed }) => !destroyed)
const grownUp = () => new Promise((resolve) => setTimeout(resolve, 600))

test('ConnectionGate.enter() lets a new one take the place of the oldest stranger', async () => {
  await start()
  for (let count = 0; count < 3; count += 1) await open()
  await grownUp()
  await open()
  expect(openOnes()).toEqual([false, true, true, true])
})

test('ConnectionGate.enter() gives those that have just come the time to say who they are', async () => {
  await start()
  for (let count = 0; count < 4; count += 1) await open()
  expect(openOnes()).toEqual([true, true, true, false])
})

test('ConnectionGate.enter() counts those of a familiar address by themselves', async () => {
  await start({ perAddress: 2, familiar: { total: 4, perAddress: 4 } })
  await open()
  gate.pass(accepted[0] as Socket)
  for (let count = 0; count < 5; count += 1) await open()
  expect(openOnes()).toEqual([true, true, true, true, true, false])
})

test('ConnectionGate.enter() knows no address from which nobody has shown a credential', async () => {
  await start({ perAddress: 2, familiar: { total: 4, perAddress: 4 } })
  for (let count = 0; count < 3; count += 1) await open()
  expect(openOnes()).toEqual([true, true, false])
})

test('ConnectionGate.enter() ends those of a familiar address that show none in time', async () => {
  await start({ patienceMs: 300, familiar: { total: 4, perAddress: 4 } })
  await open()
  gate.pass(accepted[0] as Socket)
  await open()
  await expect.poll(openOnes).toEqual([true, false])
})

test('ConnectionGate.pass() leaves a connection alone from then on', async () => {
  await start({ patienceMs: 300 })
  await open()
  gate.pass(accepted[0] as Socket)
  for (let count = 0; count < 3; count += 1) await open()
  await expect.poll(openOnes).toEqual([true, false, false, false])
  clients[0]?.write(Buffer.alloc(4_096))
  await grownUp()
  expect(openOnes()).toEqual([true, false, false, false])
})

test.each([
  ['within bounds', 1_024, true],
  ['over bounds', 1_025, false],
])('ConnectionGate.enter() reads of a stranger what is %s', async (_name, bytes, want) => {
  await start()
  const client = await open()
  client.write(Buffer.alloc(bytes))
  await grownUp()
  expect(openOnes()).toEqual([want])
})

test('ConnectionGate.passKey() bounds those that have shown a credential, too', async () => {
  await start({ known: { total: 2, perAddress: 2 } })
  for (let count = 0; count < 3; count += 1) {
    const { localPort } = await open()
    gate.passKey(`127.0.0.1:${localPort}`)
  }
  expect(openOnes()).toEqual([false, true, true])
})

test('ConnectionGate.passKey() of a connection that is not known changes nothing', async () => {
  await start({ patienceMs: 100 })
  const client = await open()
  gate.passKey('127.0.0.1:1')
  await once(client, 'close')
  expect(openOnes()).toEqual([false])
})
