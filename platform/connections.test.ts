import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { trackConnections } from './connections.ts'

test('trackConnections() destroys what is open, though it never said a word', async () => {
  const server = createServer()
  const cut = trackConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(server, 'connection')
  socket.on('error', () => undefined)
  socket.resume()
  const gone = once(socket, 'close')
  server.close()
  cut()
  await gone
  expect(socket.destroyed).toBe(true)
})
