import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Hono } from 'hono/tiny'
import { Fault } from '../../core/fault.ts'
import { answerRequest, answerUpgrade, faultAnswer, openAnswer } from '../answer/answer.ts'
import type { ProxyDeps } from '../deps.ts'
import { forward } from '../exchange/forward.ts'
import { relayTunnel } from '../exchange/relay-tunnel.ts'
import type { Denial } from '../judgement/authorize.ts'
import { judge } from '../judgement/judge.ts'
import { countFault } from '../metrics.ts'

export interface SidecarEnv {
  readonly Bindings: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }
}

/*
 * The security model, in the order in which a request meets it:
 *
 *   2. authenticate   the container's own token, or 401
 *   3. parseRequest   one meaning within limits, or 400 on record        judge.ts has 2 to 4
 *   4. authorize      a recorded allow of the control plane, or 403, or 503
 *   8. forward        the only line that talks to the API server; relayTunnel is its twin
 *   9. report         the outcome follows the decision, when the caller's connection is done
 *
 * The numbers are those of docs/architecture.md, where the control plane has 5 to 7.
 *
 * Ordinary requests come through Hono, upgrades come around it as events of the server. Both call
 * `judge` first, and neither `forward` nor `relayTunnel` can be called without the Permit that only
 * it returns.
 */

/** The front for ordinary requests. */
export function createApp(deps: ProxyDeps): Hono<SidecarEnv> {
  const app = new Hono<SidecarEnv>()
  app.all('*', async ({ env: { incoming, outgoing } }) => {
    const verdict = await judge(deps, incoming, 'request')
    if (verdict.effect === 'allow') {
      forward(deps, verdict, incoming, outgoing)
    } else {
      denied(deps, verdict, answerRequest(incoming, outgoing, verdict))
    }
    return ALREADY_SENT
  })
  app.onError((error, { env: { incoming, outgoing } }) => {
    answerRequest(incoming, outgoing, faultAnswer(failed(deps, error)))
    return ALREADY_SENT
  })
  return app
}

/** The front for upgrades, as `isUpgrade` tells them, and for CONNECT. */
export async function handleUpgrade(
  deps: ProxyDeps,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  // A caller that goes away while it waits is no fault; whoever writes to it will see.
  socket.on('error', () => socket.destroy())
  try {
    const front = openAnswer(socket) === undefined ? 'upgrade' : 'early upgrade'
    const verdict = await judge(deps, incoming, front)
    if (verdict.effect === 'allow') {
      relayTunnel(deps, verdict, incoming, socket, head)
    } else {
      denied(deps, verdict, answerUpgrade(socket, verdict))
    }
  } catch (error) {
    answerUpgrade(socket, faultAnswer(failed(deps, error)))
  }
}

function denied(deps: ProxyDeps, { decisionId }: Denial, bytes: number): void {
  deps.metrics.requests.inc({ result: 'denied' })
  deps.authorizer.report({ decisionId, httpStatus: 403, fault: '', responseBytes: BigInt(bytes) })
}

function failed(deps: ProxyDeps, error: unknown): Fault {
  const fault = Fault.from(error)
  countFault(deps.metrics, fault.code)
  if (fault.code === 'internal') deps.logger.error({ error: fault }, 'Cannot serve the request')
  return fault
}

/**
 * What Hono is told about every request. It never sees the target: its router decides nothing here,
 * so how it reads a path cannot matter. A global `Request` and `Response` would load the runtime's
 * whole fetch (9 MB resident) to be thrown away.
 */
const ANY_REQUEST = { method: 'GET', url: 'https://sidecar/' } as Request
const ALREADY_SENT = {} as Response

/** Serves one ordinary request; resolves when it was answered or handed on. */
export async function handleRequest(
  app: Hono<SidecarEnv>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  await app.fetch(ANY_REQUEST, { incoming, outgoing })
}
