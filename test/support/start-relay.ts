import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

interface Relay {
  readonly port: number
  blackhole(on: boolean): void
  refuse(on: boolean): void
  close(): Promise<void>
}

/** A relay on a free port of the loopback whose network can be cut or made to swallow everything. */
export async function startRelay(targetPort: () => number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let swallow = false
  let refusing = false
  const server = createServer({ noDelay: true }, (near) => {
    if (refusing) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: targetPort(), host: '127.0.0.1', noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => {
        if (!swallow) to.write(chunk)
      })
      from.on('error', () => from.destroy())
      from.on('close', () => {
        sockets.delete(from)
        if (!swallow) to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    blackhole: (on) => {
      swallow = on
    },
    refuse: (on) => {
      refusing = on
      for (const socket of on ? sockets : []) socket.resetAndDestroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
