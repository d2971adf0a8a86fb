import { assert } from '../../core/assert.ts'

/** How the sidecar stands with its control plane. */
export type LinkState =
  /** Waits for a connection. */
  | 'connecting'
  /** Connected; proves which pod it serves. */
  | 'enrolling'
  /** Questions are answered. */
  | 'serving'
  /** Questions are answered, and the next session is asked for. */
  | 'renewing'
  /** Lost it; tries again after a while. */
  | 'waiting'
  | 'closed'

export type LinkEvent = 'connected' | 'enrolled' | 'renewal due' | 'lost' | 'time' | 'close'

const NEXT: Readonly<Record<LinkState, Partial<Record<LinkEvent, LinkState>>>> = {
  connecting: { connected: 'enrolling', lost: 'waiting', close: 'closed' },
  enrolling: { enrolled: 'serving', lost: 'waiting', close: 'closed' },
  serving: { 'renewal due': 'renewing', lost: 'waiting', close: 'closed' },
  renewing: { enrolled: 'serving', lost: 'waiting', close: 'closed' },
  waiting: { time: 'connecting', close: 'closed' },
  closed: { close: 'closed', lost: 'closed' },
}

/** The state after an event. An event that cannot come in a state is an error of ours. */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState {
  const next = NEXT[state][event]
  assert(next !== undefined, `a link that is ${state} is not told: ${event}`)
  return next
}

/** Whether questions are answered. */
export function isServing(state: LinkState): boolean {
  return state === 'serving' || state === 'renewing'
}
