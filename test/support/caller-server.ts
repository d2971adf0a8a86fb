import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { CallerConnection } from '../../proxy/caller/caller-connection.ts'
import type { CallerHandler, CallerLimits } from '../../proxy/caller/caller-handler.ts'
import type { Served } from '../../proxy/caller/served.ts'

/** Times and sizes as the sidecar has them, but short. */
const LIMITS = { headBytesMax: 16_384, headMs: 300, requestMs: 600, idleMs: 900 }

/** Serves the callers' side of the proxy without TLS; `serve` gets each request. */
export async function startCallerServer(
  serve: (served: Served) => void,
  others: Partial<CallerHandler> = {},
  limits: Partial<CallerLimits> = {},
): Promise<{ readonly server: Server; readonly port: number }> {
  const handler: CallerHandler = {
    onRequest: (request, answer, connection) => serve({ request, answer, connection }),
    asksForTunnel: () => true,
    onMalformed: (_problem, answer) => answer.destroy(),
    mayStay: () => true,
    ...others,
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const nowMs = () => performance.now()
    const connection = new CallerConnection(socket, handler, { ...LIMITS, ...limits }, nowMs)
    const times = setInterval(() => connection.checkTime(nowMs()), 50)
    socket.once('close', () => clearInterval(times))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}
