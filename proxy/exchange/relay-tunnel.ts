import type { ClientRequest } from 'node:http'
import { Fault } from '../../core/fault.ts'
import type { Served } from '../caller/served.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { Exchange } from './exchange.ts'
import { permittedHeaders, upgradeHeaders } from './request-headers.ts'
import { Tunnel } from './tunnel.ts'
import { TunnelMasking } from './tunnel-masking.ts'
import { TunnelRecording } from './tunnel-recording.ts'

/**
 * Step 8 for upgrades: opens the same tunnel to the API server and relays it byte for byte, both
 * ways, half-closes included, but for values of a command's output that are hidden. Only a 101 opens it; any other answer is passed on, and both connections
 * end after it, so that nobody goes on speaking on one that the API server trusts (CVE-2018-1002105).
 */
export function relayTunnel(deps: ProxyDeps, permit: Permit, served: Served): void {
  const exchange = new Exchange(deps, permit)
  const tunnel = new Tunnel(deps, exchange, served)
  served.answer.onClose(() => tunnel.finish())
  exchange.onRevoked((revoked) => tunnel.cut(revoked))
  // Gone, or revoked already: nothing is sent.
  if (served.answer.isOver) return
  if (permit.record !== 'none' || permit.mask !== undefined)
    void openPrepared(deps, permit, served, tunnel)
  else openTunnel(deps, permit, served, tunnel)
}

function openTunnel(deps: ProxyDeps, permit: Permit, served: Served, tunnel: Tunnel): void {
  try {
    tunnel.open(openRequest(deps, permit, served))
  } catch (error) {
    tunnel.fail(Fault.from(error))
  }
}

/** The API server is not asked before there is a record, and what hides values of the output. */
async function openPrepared(
  deps: ProxyDeps,
  permit: Permit,
  served: Served,
  tunnel: Tunnel,
): Promise<void> {
  try {
    if (permit.mask !== undefined) tunnel.hide(await TunnelMasking.load(permit, permit.mask))
    if (permit.record !== 'none')
      tunnel.record(await TunnelRecording.open(permit, deps.openRecording))
    if (!tunnel.isOver) openTunnel(deps, permit, served, tunnel)
  } catch (error) {
    tunnel.fail(Fault.from(error))
  }
}

function openRequest(deps: ProxyDeps, permit: Permit, { request }: Served): ClientRequest {
  const { request: parsed } = permit
  const headers = [
    ...permittedHeaders(deps, permit, request),
    ...upgradeHeaders(request, parsed.protocol),
  ]
  if (parsed.method !== 'GET') headers.push('content-length', '0')
  return deps.upstream.openTunnel({ method: parsed.method, path: parsed.info.target, headers })
}
