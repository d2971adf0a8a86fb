import Sqlite from 'better-sqlite3'
import { type LaterPart, parseRecord, toLaterPart } from '../../control-plane/store/record-bytes.ts'
import type { Effect } from '../../core/audit/audit-event.ts'

/** A decision as another reader of the file finds it; null for what has not come of it. */
export interface LoggedDecision {
  readonly id: string
  readonly podUid: string
  readonly rootRequester: string
  readonly effect: Effect | undefined
  readonly httpStatus: number | null
  readonly responseBytes: number | null
  /** How many refusals it stands for; null for one request. */
  readonly refusals: number | null
}

const EFFECTS: readonly Effect[] = ['deny', 'allow', 'hold']

interface Row {
  readonly sequence: number
  readonly id: string
  readonly pod_uid: string
  readonly root_requester: string
  readonly effect: number
  readonly bytes: Buffer
}

/** The decisions of a file, of which only what is committed is seen, in the order of the log. */
export function readLog(databaseFile: string): readonly LoggedDecision[] {
  const sqlite = new Sqlite(databaseFile, { readonly: true })
  try {
    const rows = sqlite.prepare<[], Row>(
      'select sequence, id, pod_uid, root_requester, effect, record.bytes from record join chain on digest = chain_digest where kind = 0 order by sequence',
    )
    const later = sqlite.prepare<[], { about: number; bytes: Buffer }>(
      'select about, bytes from record where about is not null order by sequence',
    )
    const parts = Map.groupBy(later.all(), ({ about }) => about)
    return rows.all().map((row) =>
      toLogged(
        row,
        (parts.get(row.sequence) ?? []).map(({ bytes }) => toLaterPart(parseRecord(bytes))),
      ),
    )
  } finally {
    sqlite.close()
  }
}

function toLogged(row: Row, later: readonly LaterPart[]): LoggedDecision {
  const { id, pod_uid: podUid, root_requester: rootRequester, effect, bytes } = row
  const outcomes = later.flatMap((part) => ('outcome' in part ? [part.outcome] : []))
  const counts = later.flatMap((part) => ('summary' in part ? [part.summary.count] : []))
  const record = parseRecord(bytes)
  const first = record.case === 'decision' ? record.value.summary : undefined
  return {
    ...{ id, podUid, rootRequester, effect: EFFECTS[effect] },
    httpStatus: outcomes[0]?.httpStatus ?? null,
    responseBytes: outcomes[0]?.responseBytes ?? null,
    refusals: counts.at(-1) ?? (first === undefined ? null : Number(first.count)),
  }
}
