import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import type { SessionImportObject, SessionObject } from '../../api/objects/session-object.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { escapeTexts } from '../../core/escape-text.ts'
import type { SessionEnding } from '../../core/recording/session-event.ts'
import type { SessionImport } from '../../core/recording/session-import.ts'
import type { Recording, RecordingEnd } from '../store/recording-store.ts'
import { toTime } from './access-object.ts'

/** A recording as people read it; without its decision, which may have been removed, nothing is said of the target. */
export function toSessionObject(
  recording: Recording,
  event: AuditEvent | undefined,
): SessionObject {
  const { id, namespace, pod, podUid, rootRequester, protocol, level, end, reviewed } = recording
  const { imported } = recording
  const { exec, portForward } = event?.attributes ?? {}
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'Session',
    metadata: {
      ...{ name: id.toLowerCase(), namespace, uid: id },
      resourceVersion: String(recording.revision),
      creationTimestamp: toTime(recording.beganAtMs),
    },
    spec: {
      ...{ pod, podUid, rootRequester },
      subresource: event?.attributes.subresource ?? '',
      targetNamespace: event?.attributes.namespace ?? '',
      target: event?.attributes.name ?? '',
      container: exec?.container ?? '',
      command: exec?.command ?? [],
      // A file is made for a terminal.
      terminal: exec?.tty ?? imported !== undefined,
      ports: portForward?.ports ?? [],
      ...{ protocol, level },
      ...(imported === undefined ? {} : { imported: toImportObject(imported) }),
    },
    status: {
      phase: end === undefined ? 'Live' : 'Ended',
      beganAt: toTime(recording.beganAtMs),
      ...(end === undefined
        ? {}
        : { endedAt: toTime(end.endedAtMs), ending: endingOf(end, imported) }),
      ...(end === undefined || end.reason === '' ? {} : { reason: end.reason }),
      durationMs: Math.round(recording.durationUs / 1_000),
      ...{ bytes: recording.rawBytes, storedBytes: recording.storedBytes },
      digests: recording.digests,
      ...(reviewed === undefined
        ? {}
        : { reviewedBy: reviewed.username, reviewedAt: toTime(reviewed.atMs) }),
      readers: recording.readers.map(({ username, firstAtMs, lastAtMs, reads }) => ({
        ...{ username, firstAt: toTime(firstAtMs), lastAt: toTime(lastAtMs), reads },
      })),
    },
  })
}

/** Nobody here saw how a session ended that was recorded elsewhere. */
function endingOf(
  { ending }: RecordingEnd,
  imported: SessionImport | undefined,
): SessionEnding | 'imported' {
  return imported === undefined ? ending : 'imported'
}

function toImportObject(imported: SessionImport): SessionImportObject {
  const { username, atMs, source, format, bytes, sha256, told } = imported
  return {
    by: username,
    at: toTime(atMs),
    source,
    format: `asciicast v${format}`,
    bytes,
    sha256,
    told,
  }
}
