import { accessPath } from '../../api/client/access-client.ts'
import {
  AUDIT_STORE_NAME,
  AUDIT_STORES,
  type AuditStoreObject,
} from '../../api/objects/audit-store-object.ts'
import type { CommandContext } from '../command/command-context.ts'
import { mebibytes } from '../terminal/mebibytes.ts'
import { type CheckItem, type CheckOutcome, failure, ok, warning } from './check-item.ts'

const MEBIBYTE = 1_024 * 1_024
/** Below it the control plane begins to share out what is left. */
const FREE_FRACTION_MIN = 0.1
const FREE_BYTES_ENOUGH = 256 * MEBIBYTE
const BACKUP_MS_MAX = 7 * 24 * 3_600_000

/** The database of chains and decisions: whether it is whole, has room, and is copied. */
export function recordChecks({ client, now, program }: CommandContext): readonly CheckItem[] {
  let reading: Promise<AuditStoreObject> | undefined
  const read = () => {
    reading ??= client.get<AuditStoreObject>(accessPath(AUDIT_STORES, undefined, AUDIT_STORE_NAME))
    return reading
  }
  const item = (title: string, look: (store: AuditStoreObject) => CheckOutcome): CheckItem => ({
    ...{ category: 'records', title },
    run: async () => look(await read()),
  })
  return [
    item('the database is whole', wholeness),
    item('edits while the control plane was away are known', edits),
    item('there is room for records', room),
    item('the database was copied lately', (store) => backup(store, now(), program)),
    item('recordings of sessions are whole', recordings),
    item('there is room for recordings', recordingRoom),
  ]
}

function wholeness({ status, spec }: AuditStoreObject): CheckOutcome {
  const size = `${mebibytes(status.bytes)} MiB`
  const oldest =
    status.oldestDecidedAt === undefined
      ? 'no decision yet'
      : `oldest decision ${status.oldestDecidedAt}`
  const kept = spec.retentionDays === 0 ? 'kept for ever' : `kept for ${spec.retentionDays} days`
  if (status.problem !== undefined) {
    return failure(
      status.problem,
      'see the log of the control plane; restore a copy of the database',
    )
  }
  if (status.checkedAt === undefined)
    return warning('the check is under way: try again in a minute')
  return ok(`${status.checkedAt}; ${size}, ${oldest}, ${kept}`)
}

/** What the control plane found at its start; a template that it cannot compare is a warning, never a yes. */
function edits({ status }: AuditStoreObject): CheckOutcome {
  if (status.edits === undefined) {
    return warning(
      'the control plane has not compared the templates with its records: try again in a minute',
      "if this stays, see its log for 'Cannot tell': kubectl logs -n lanyard-system statefulset/lanyard-control-plane",
    )
  }
  const { comparedAt, objects, unseen, unknown } = status.edits
  if (unseen === 0 && unknown === 0) return ok(`${comparedAt}; ${objects} compared`)
  return warning(
    `of ${objects} objects compared at ${comparedAt}`,
    ...(unseen === 0
      ? []
      : [
          `${unseen} had an edit that was not seen: lanyard:unattributed is a co-requester of their pods; the log of the control plane names them`,
        ]),
    ...(unknown === 0
      ? []
      : [`${unknown} have no earlier code on record, so an edit of them cannot be told`]),
    'docs/lineage.md says when that happens, and how to reset a chain',
  )
}

function room({ status }: AuditStoreObject): CheckOutcome {
  const { volumeFreeBytes: free, volumeBytes: whole } = status
  if (free === undefined || whole === undefined) {
    return warning('the control plane cannot tell how much of the volume is free: see its log')
  }
  const note = `${mebibytes(free)} of ${mebibytes(whole)} MiB are free`
  if (free >= Math.min(FREE_BYTES_ENOUGH, whole * FREE_FRACTION_MIN)) return ok(note)
  return warning(
    `${note}: pods are refused when they have used their share of the rest`,
    'enlarge the volume, or let fewer records be kept (controlPlane.audit in the values of the chart)',
  )
}

/** As many segments as the control plane has just compared with their digests; the next look takes others. */
function recordings({ status }: AuditStoreObject): CheckOutcome {
  const kept = status.recordings
  if (kept === undefined) {
    return warning(
      'the control plane is older, or cannot read the recordings',
      'see the log of the control plane; the folder lanyard.db-recordings belongs beside the database',
    )
  }
  const { count, imported, damaged, comparedSegments: compared, segments, comparedBytes } = kept
  const looked = `compared ${compared} of ${segments} segments (${mebibytes(comparedBytes)} MiB)`
  if (damaged.length > 0) {
    return failure(
      `${looked}: of ${damaged.slice(0, 3).join(', ').toLowerCase()} not all is as it was written`,
      'copy these files of the folder lanyard.db-recordings back from a copy',
    )
  }
  const of = count === 0 ? 'none yet' : `${count}, ${imported} of them imported`
  const oldest = kept.oldestBeganAt === undefined ? '' : `, oldest ${kept.oldestBeganAt}`
  if (kept.unlistedFiles > 0) {
    return warning(
      `${of}${oldest}; ${kept.unlistedFiles} files (${mebibytes(kept.unlistedBytes)} MiB) are not listed in the database`,
      'after a restore of an older database this is expected: look at lanyard.db-recordings/unlisted, and remove what nobody needs',
    )
  }
  return ok(`${of}${oldest}; ${looked}`)
}

/** From the quota, and below the floor, no session begins that has to be recorded. */
function recordingRoom({ status }: AuditStoreObject): CheckOutcome {
  const { recordings: kept, volumeFreeBytes: free = Number.POSITIVE_INFINITY } = status
  if (kept === undefined) return warning('not known: the recordings cannot be read')
  const { bytes, bytesMax, freeBytesMin } = kept
  const quota = bytesMax === 0 ? 'no quota' : `quota ${mebibytes(bytesMax)} MiB`
  const note = `${mebibytes(bytes)} MiB, ${quota}, ${mebibytes(freeBytesMin)} MiB are left free`
  const isFull = (bytesMax > 0 && bytes >= bytesMax) || free < freeBytesMin
  const isNear = (bytesMax > 0 && bytes >= bytesMax * 0.9) || free < freeBytesMin * 1.2
  const todo =
    'delete sessions, keep decisions for fewer days, enlarge the volume, or raise controlPlane.recording.mebibytesMax'
  if (isFull) return failure(`${note}: no session that has to be recorded can begin`, todo)
  return isNear ? warning(`${note}: nearly full`, todo) : ok(note)
}

function backup(
  { status: { lastBackupAt } }: AuditStoreObject,
  nowMs: number,
  program: string,
): CheckOutcome {
  const hint = `${program} backup lanyard.db copies it`
  if (lastBackupAt === undefined) return warning('the database was never copied', hint)
  if (nowMs - Date.parse(lastBackupAt) <= BACKUP_MS_MAX) return ok(lastBackupAt)
  return warning(`the last copy is of ${lastBackupAt}`, hint)
}
