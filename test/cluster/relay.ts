import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'

/**
 * Copies bytes both ways between whoever connects and one fixed address, and passes a half-close
 * on. `listen` is a port on 127.0.0.1 (0: any) or the path of a unix socket.
 */
export async function startRelay(listen: number | string, to: NetConnectOpts): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    join(client, connect({ ...to, allowHalfOpen: true }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (typeof listen === 'number') server.listen(listen, '127.0.0.1', resolve)
    else server.listen(listen, resolve)
  })
  return server
}

function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.setNoDelay(true)
    from.pipe(to)
    // An error on one side ends both: neither can go on alone.
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroySoon())
  }
}
