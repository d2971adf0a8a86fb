import { createHash, randomBytes } from 'node:crypto'
import { Fault } from '../core/fault.ts'
import type { PodBinding } from './store/pod-binding-store.ts'

/** An enrolled sidecar. */
export interface Session {
  readonly binding: PodBinding
  readonly expiresAtMs: number
}

export interface Sessions {
  /** A new session for a pod; the secret leaves once and is kept only as a hash. */
  open(
    binding: PodBinding,
    lifetimeMs: number,
  ): { readonly secret: string; readonly expiresAtMs: number }
  /** Throws `identity_unverified` for a session that is unknown or over. */
  find(secret: string): Session
  /** How many are kept, some of which may be over. */
  size(): number
}

/** Long enough to be cheap, short enough that a deleted pod's session ends soon: its token no longer reviews. */
export const SESSION_MS_MAX = 5 * 60 * 1_000
/** More than the pods of any one cluster that is supported. */
const SESSIONS_MAX = 200_000
/**
 * Sessions that are looked at for each new one. More than one, so that those that are over go faster
 * than new ones come; round and round, since a long one may stand before many short ones.
 */
const SWEPT = 4

/** Sessions live in memory: after a restart every sidecar enrols again, which it does by itself. */
export function createSessions(now: () => number): Sessions {
  const byHash = new Map<string, Session>()
  // An iterator of a Map goes on through what is added and removed meanwhile.
  let sweep = byHash.entries()

  function forgetSome(nowMs: number): void {
    for (let looked = 0; looked < SWEPT; looked += 1) {
      const { value, done } = sweep.next()
      if (done === true) {
        sweep = byHash.entries()
        return
      }
      const [key, { expiresAtMs }] = value
      if (expiresAtMs <= nowMs) byHash.delete(key)
    }
  }

  return {
    open(binding, lifetimeMs) {
      forgetSome(now())
      if (byHash.size >= SESSIONS_MAX) forgetExpired(byHash, now())
      const secret = randomBytes(32).toString('base64url')
      const expiresAtMs = now() + Math.min(lifetimeMs, SESSION_MS_MAX)
      byHash.set(hash(secret), { binding, expiresAtMs })
      return { secret, expiresAtMs }
    },
    find(secret) {
      const key = hash(secret)
      const session = byHash.get(key)
      if (session === undefined || session.expiresAtMs <= now()) {
        byHash.delete(key)
        throw new Fault('identity_unverified', 'The session is not known or over; enrol again')
      }
      return session
    },
    size: () => byHash.size,
  }
}

function forgetExpired(sessions: Map<string, Session>, nowMs: number): void {
  for (const [key, { expiresAtMs }] of sessions) if (expiresAtMs <= nowMs) sessions.delete(key)
  if (sessions.size >= SESSIONS_MAX) throw new Fault('overloaded', 'Too many sidecars are enrolled')
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}
