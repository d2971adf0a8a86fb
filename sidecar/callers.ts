import { timingSafeEqual } from 'node:crypto'
import { Fault } from '../core/fault.ts'
import { SERVICE_ACCOUNT_PATH, TOKEN_FILE } from '../core/pods/sidecar-contract.ts'
import type { Caller, Callers } from '../proxy/judgement/caller.ts'

/**
 * As kube-apiserver splits it: the scheme in any case, one space, the token, and after another space
 * what it does not read. Source: Kubernetes apiserver/pkg/authentication/request/bearertoken (v1.34).
 */
const BEARER = /^Bearer ([A-Za-z0-9_-]{1,512})(?: .*)?$/i

const HELP = `Cannot tell which container is asking: send the token of ${SERVICE_ACCOUNT_PATH}/${TOKEN_FILE} as a bearer token`

/**
 * Knows callers by their token. Every token is compared, in constant time, so that an answer's time
 * says nothing about one; their length, which is the same for all, is no secret.
 */
export function createCallers(tokens: ReadonlyMap<string, string>): Callers {
  const known = [...tokens].map(([container, token]) => ({ container, bytes: toBytes(token) }))

  function authenticate(authorization: string | undefined): Caller {
    const token = BEARER.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new Fault('identity_unverified', HELP)
    const bytes = toBytes(token)
    let found: string | undefined
    for (const candidate of known) {
      if (candidate.bytes.length !== bytes.length) continue
      if (timingSafeEqual(candidate.bytes, bytes)) found = candidate.container
    }
    if (found === undefined) throw new Fault('identity_unverified', HELP)
    return { kind: 'container', container: found }
  }

  return { authenticate }
}

function toBytes(token: string): Buffer {
  return Buffer.from(token, 'latin1')
}
