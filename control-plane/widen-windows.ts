import type { Http2Server } from 'node:http2'
import type { Server, ServerCredentials } from '@grpc/grpc-js'
import { assert } from '../core/assert.ts'

/** Bytes of one stream that may be on their way without being read. */
const STREAM_BYTES = 256 * 1_024
/** The same of one connection. */
const CONNECTION_BYTES = 1_024 * 1_024

interface Internals {
  createHttp2Server: (credentials: ServerCredentials) => Http2Server
}

/**
 * Lets more bytes be on their way to a server than the 64 KiB of HTTP/2's default, after which a sidecar whose session pours
 * waits for an answer each time. The library has an option for it that its server does not read, so the place where it
 * makes a server of HTTP/2 is wrapped. Throws when a version of the library has no such place.
 */
export function widenWindows(server: Server): void {
  const internals = server as unknown as Internals
  const { createHttp2Server } = internals
  assert(typeof createHttp2Server === 'function', 'grpc-js makes servers of HTTP/2 in one place')
  internals.createHttp2Server = (credentials) => {
    const http2 = createHttp2Server.call(server, credentials)
    http2.updateSettings({ initialWindowSize: STREAM_BYTES })
    http2.on('session', (session) => session.setLocalWindowSize(CONNECTION_BYTES))
    return http2
  }
}
