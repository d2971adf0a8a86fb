import { Hono } from 'hono/tiny'
import { Fault } from '../../core/fault.ts'
import { answerCaller, faultAnswer } from '../answer/answer.ts'
import type { Served } from '../caller/served.ts'
import type { ProxyDeps } from '../deps.ts'
import { forward } from '../exchange/forward.ts'
import { relayTunnel } from '../exchange/relay-tunnel.ts'
import { sendAhead } from '../exchange/send-ahead.ts'
import type { Denial } from '../judgement/authorize.ts'
import { judge } from '../judgement/judge.ts'
import { countFault } from '../metrics.ts'

export interface SidecarEnv {
  readonly Bindings: Served
}

/*
 * The security model, in the order in which a request meets it:
 *
 *   2. authenticate   the container's own token, or 401
 *   3. parseRequest   one meaning within limits, or 400 on record        judge.ts has 2 to 4
 *   4. authorize      a recorded allow of the control plane, or 403, or 503
 *   8. forward        the only line that talks to the API server; relayTunnel is its twin. sendAhead comes
 *                     before 4, for a read that was just allowed, and its answer waits for 4
 *   9. report         the outcome follows the decision, when the caller's connection is done
 *
 * The numbers are those of docs/architecture.md, where the control plane has 5 to 7.
 *
 * Neither `forward` nor `relayTunnel` can be called without the Permit that only `judge` returns.
 */

/** The front for all requests, upgrades included. */
export function createApp(deps: ProxyDeps): Hono<SidecarEnv> {
  const app = new Hono<SidecarEnv>()
  app.all('*', async ({ env: { request, answer, connection } }) => {
    const { verdict, kept } = await judge(deps, request, (ahead) => sendAhead(deps, ahead, request))
    if (verdict.effect !== 'allow') {
      denied(deps, verdict, answerCaller(answer, verdict), kept !== undefined)
    } else if (verdict.request.protocol === '') {
      forward(deps, verdict, request, answer, kept)
    } else {
      relayTunnel(deps, verdict, { request, answer, connection })
    }
    return ALREADY_SENT
  })
  app.onError((error, { env: { answer } }) => {
    answerCaller(answer, faultAnswer(failed(deps, error)))
    return ALREADY_SENT
  })
  return app
}

function denied(deps: ProxyDeps, { decisionId }: Denial, bytes: number, sent: boolean): void {
  deps.metrics.requests.inc({ result: 'denied' })
  const outcome = { httpStatus: 403, fault: '', responseBytes: BigInt(bytes) }
  deps.authorizer.report({ decisionId, ...outcome, ...(sent ? { withheld: true } : {}) })
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

/** Serves one request; resolves when it was answered or handed on. */
export async function handleRequest(app: Hono<SidecarEnv>, served: Served): Promise<void> {
  await app.fetch(ANY_REQUEST, served)
}
