import type { Server, Socket } from 'node:net'

/**
 * Follows the connections of a server; call what it returns to destroy all that are open. Those in the
 * middle of a TLS handshake are among them: Node's own `closeAllConnections` knows only connections
 * that have said something after it.
 */
export function trackConnections(server: Pick<Server, 'on'>): () => void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}
