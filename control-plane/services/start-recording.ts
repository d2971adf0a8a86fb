import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { ControlPlaneConfig } from '../config.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { readVolumeSpace } from '../volume-reserve.ts'
import { LiveRecordings } from './live-recordings.ts'
import { type RecordingLimits, RecordingRoom } from './recording-room.ts'
import { createRecordingService, type RecordingServiceDeps } from './recording-service.ts'

const MEBIBYTE = 1_024 * 1_024
/** How long a session of a chain that has ended lives, when nobody else ends it. */
const SWEEP_MS = 2_000

export interface StartRecording extends Omit<RecordingServiceDeps, 'live' | 'room' | 'clock'> {
  readonly config: Pick<
    ControlPlaneConfig,
    'recordingMebibytesMax' | 'recordingFreeMebibytesMin' | 'databaseFile'
  >
  /** Whether the chain of a pod has ended. */
  readonly hasLapsed: (binding: PodBinding) => boolean
}

/** The settings in bytes. */
export function toRecordingLimits(
  config: Pick<ControlPlaneConfig, 'recordingMebibytesMax' | 'recordingFreeMebibytesMin'>,
): RecordingLimits {
  return {
    bytesMax: config.recordingMebibytesMax * MEBIBYTE,
    freeBytesMin: config.recordingFreeMebibytesMin * MEBIBYTE,
  }
}

/** Records sessions from now on, as the settings say. */
export function startRecording({ config, hasLapsed, ...deps }: StartRecording) {
  const { recordings } = deps
  const live = new LiveRecordings()
  const room = new RecordingRoom({
    limits: toRecordingLimits(config),
    size: () => recordings.size(),
    dropUnlisted: (bytes) => recordings.dropUnlisted(bytes),
    readSpace: () => readVolumeSpace(config.databaseFile),
    monotonicMs: () => performance.now(),
  })
  // It keeps no process alive, and what it looks at is in memory.
  setInterval(() => live.sweep(hasLapsed), SWEEP_MS).unref()
  return {
    live,
    room,
    service: createRecordingService({ ...deps, live, room, clock: SYSTEM_CLOCK }),
  }
}
