import type { LimitedSidecar } from '../test/support/limited-sidecar.ts'

const SAMPLE_MS = 50

/** Looks every now and then at what a sidecar holds; the most of it, in bytes, once it is stopped. */
export function samplePeaks(sidecar: LimitedSidecar): {
  stop(): Promise<{ readonly own: number; readonly group: number }>
} {
  const peaks = { own: 0, group: 0 }
  const sample = async () => {
    peaks.own = Math.max(peaks.own, await sidecar.ownBytes())
    peaks.group = Math.max(peaks.group, await sidecar.groupBytes())
  }
  const timer = setInterval(() => void sample(), SAMPLE_MS)
  return {
    async stop() {
      clearInterval(timer)
      await sample()
      return peaks
    },
  }
}
