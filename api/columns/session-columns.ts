import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { SessionObject } from '../objects/session-object.ts'
import { shellWord } from '../texts/shell-word.ts'
import { type Column, column } from './column.ts'

const WIDE = { priority: 1 } as const

/** What `kubectl get sessions` shows. */
export const SESSION_COLUMNS: readonly Column<SessionObject>[] = [
  column('Name', 'Id of the decision in lower case.', ({ metadata }) => metadata.name, {
    format: 'name',
    usualWidth: 26,
  }),
  column(
    'Kind',
    'What opened the session.',
    ({ spec }) => (spec.imported === undefined ? spec.subresource : 'imported'),
    { usualWidth: 11 },
  ),
  column('Target', 'The pod that was reached into.', ({ spec }) => spec.target || '<none>', {
    usualWidth: 16,
  }),
  column('Pod', 'The pod that asked.', ({ spec }) => spec.pod || '<none>', { usualWidth: 16 }),
  column(
    'Root Requester',
    'Who started the chain of the pod.',
    ({ spec }) => spec.rootRequester || '<none>',
    {
      usualWidth: 14,
    },
  ),
  column('Status', 'Whether it is live, and how it ended.', statusOf, { usualWidth: 13 }),
  column('Duration', 'Until its last event.', ({ status }) => humanDuration(status.durationMs), {
    usualWidth: 8,
  }),
  column('Age', 'Time since it began.', ({ status }, nowMs) =>
    humanDuration(nowMs - Date.parse(status.beganAt)),
  ),
  column(
    'Command',
    'What an exec ran, as a shell takes it.',
    ({ spec }) => spec.command.map(shellWord).join(' ') || '<none>',
    WIDE,
  ),
  column(
    'Container',
    'The container that was named.',
    ({ spec }) => spec.container || '<none>',
    WIDE,
  ),
  column('Protocol', 'How its bytes were framed.', ({ spec }) => spec.protocol || '<none>', WIDE),
  column('Level', 'What is recorded.', ({ spec }) => spec.level, WIDE),
  column('Bytes', 'How many bytes were recorded.', ({ status }) => status.bytes, {
    ...WIDE,
    type: 'integer',
  }),
  column(
    'Reviewed By',
    'Who has looked at it and said so.',
    ({ status }) => status.reviewedBy ?? '<none>',
    WIDE,
  ),
  column(
    'Imported By',
    'Who brought it, when it was recorded elsewhere.',
    ({ spec }) => spec.imported?.by ?? '<none>',
    WIDE,
  ),
]

function statusOf({ status }: SessionObject): string {
  return status.ending ?? status.phase
}
