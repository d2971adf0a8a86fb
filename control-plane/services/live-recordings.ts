import type { PodBinding } from '../store/pod-binding-store.ts'

/** Why a session must end. */
export interface SessionCutCause {
  readonly ending: 'revoked' | 'cut' | 'unrecorded'
  /** What the caller is told. */
  readonly reason: string
}

/** A session that is being recorded by this process. */
export interface LiveRecording {
  readonly id: string
  readonly binding: PodBinding
  cut(why: SessionCutCause): void
}

const REVOKED_CHAIN: SessionCutCause = {
  ending: 'revoked',
  reason: 'the chain of the pod has ended or was revoked',
}

/** The sessions that are being recorded, so that others can end them. */
export class LiveRecordings {
  readonly #byId = new Map<string, LiveRecording>()

  add(recording: LiveRecording): void {
    this.#byId.set(recording.id, recording)
  }

  remove(id: string): void {
    this.#byId.delete(id)
  }

  size(): number {
    return this.#byId.size
  }

  ofPod(podUid: string): number {
    let count = 0
    for (const { binding } of this.#byId.values()) if (binding.podUid === podUid) count += 1
    return count
  }

  /** Ends a session; false when none of this id is live. */
  cut(id: string, why: SessionCutCause): boolean {
    const recording = this.#byId.get(id)
    recording?.cut(why)
    return recording !== undefined
  }

  /** Ends a session of this pod, whose decision no longer holds; of no other pod. */
  revoke(podUid: string, id: string, reason: string): void {
    const recording = this.#byId.get(id)
    if (recording?.binding.podUid === podUid) recording.cut({ ending: 'revoked', reason })
  }

  /** Ends the sessions of chains that have ended: their pods may have left the stream of decisions. */
  sweep(hasLapsed: (binding: PodBinding) => boolean): void {
    for (const recording of this.#byId.values()) {
      if (hasLapsed(recording.binding)) recording.cut(REVOKED_CHAIN)
    }
  }
}
