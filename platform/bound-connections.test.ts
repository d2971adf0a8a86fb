import { EventEmitter } from 'node:events'
import type { Server, Socket } from 'node:net'
import { expect, test } from 'vitest'
import { boundConnections } from './bound-connections.ts'

class Peer extends EventEmitter {
  readonly name: string
  remoteAddress: string | undefined
  constructor(name: string) {
    super()
    this.name = name
    this.remoteAddress = name.slice(0, 1)
  }
  /** As a socket does: it is told later, and knows its peer no more. */
  destroy(): void {
    this.remoteAddress = undefined
    setImmediate(() => this.emit('close'))
  }
}

/** Lets peers in one after the other; the first letter of a name is its address. */
async function survivors(names: readonly string[], busy: readonly string[] = []) {
  const server = new EventEmitter()
  boundConnections(server as unknown as Server, {
    total: 4,
    perAddress: 2,
    isBusy: (socket: Socket) => busy.includes((socket as unknown as Peer).name),
  })
  const peers = names.map((name) => new Peer(name))
  for (const [index, peer] of peers.entries()) {
    server.emit('connection', peer)
    // Half of the closes are told before the next one comes, half after.
    if (index % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return peers.filter((peer) => peer.remoteAddress !== undefined).map(({ name }) => name)
}

test.each([
  ['lets in what there is room for', ['a1', 'b1', 'c1', 'd1'], [], ['a1', 'b1', 'c1', 'd1']],
  ['lets a new one take the place of its own address', ['a1', 'a2', 'a3'], [], ['a2', 'a3']],
  ['spares the addresses of others', ['b1', 'a1', 'a2', 'a3', 'a4'], [], ['b1', 'a3', 'a4']],
  ['lets the oldest of all go', ['a1', 'b1', 'c1', 'd1', 'e1'], [], ['b1', 'c1', 'd1', 'e1']],
  ['spares what is in use', ['a1', 'a2', 'a3'], ['a1'], ['a1', 'a3']],
  ['turns away when all of an address are in use', ['a1', 'a2', 'a3'], ['a1', 'a2'], ['a1', 'a2']],
  [
    'turns away when all are in use',
    ['a1', 'b1', 'c1', 'd1', 'e1'],
    ['a1', 'b1', 'c1', 'd1'],
    ['a1', 'b1', 'c1', 'd1'],
  ],
])('boundConnections() %s', async (_name, names, busy, want) => {
  expect(await survivors(names, busy)).toEqual(want)
})

test('boundConnections() has room again when a connection has closed', async () => {
  const server = new EventEmitter()
  boundConnections(server as unknown as Server, { total: 1, perAddress: 1, isBusy: () => true })
  const [first, second] = [new Peer('a1'), new Peer('a2')]
  server.emit('connection', first)
  first.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  server.emit('connection', second)
  expect(second.remoteAddress).toBe('a')
})
