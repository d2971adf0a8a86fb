import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type SidecarFixture, startSidecarFixture } from './sidecar-fixture.ts'

/** A sidecar that waits a second for the head of an answer. */
export function startTunnelFixture(): Promise<SidecarFixture> {
  return startSidecarFixture({ LANYARD_UPSTREAM_HEADERS_TIMEOUT_MS: '1000' })
}

/** Head of a request of container `app`; `line` is its method and target. */
export function tunnelHead(
  { token }: SidecarFixture,
  line: string,
  headers: readonly string[],
): string {
  return [
    `${line} HTTP/1.1`,
    'Host: kubernetes.default.svc',
    `Authorization: Bearer ${token}`,
    ...headers,
    '\r\n',
  ].join('\r\n')
}

/** Opens a tunnel that the fake API server accepts with `answer`: the caller's end, and the server's. */
export async function openTunnelTo(
  { api, connect }: SidecarFixture,
  request: string,
  answer: string,
): Promise<[TLSSocket, Duplex]> {
  const accepted = new Promise<Duplex>((resolve) => {
    api.onUpgrade((_incoming, socket) => {
      socket.write(answer)
      resolve(socket)
    })
  })
  const caller = await connect()
  caller.write(request)
  return [caller, await accepted]
}
