import { type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { Fault } from '../../core/fault.ts'
import type { SessionEnding, SessionEvent } from '../../core/recording/session-event.ts'
import { toServiceError } from '../../proto/fault-status.ts'
import { Effect } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import {
  SessionEnding as EndingMessage,
  type RecordRequest,
} from '../../proto/gen/lanyard/v1/recording_pb.ts'
import {
  endingFromMessage,
  levelFromMessage,
  levelToMessage,
  sessionEventFromMessage,
} from '../../proto/session-event-message.ts'

type Call = ServerDuplexStream<RecordRequest, object>

/** One session as it was sent to be recorded. */
export interface FakeRecording {
  readonly decisionId: string
  readonly level: string
  readonly events: SessionEvent[]
  ending: SessionEnding | undefined
  reason: string
  /** Ends the session with a reason. */
  cut(reason: string): void
  /** The call fails. */
  fail(): void
}

/** The place where a control plane records sessions, for answers that the real one never gives. */
export class FakeRecordings {
  readonly all: FakeRecording[] = []
  /** Refuses what is opened. */
  refusal: Fault | undefined
  /** Says nothing of what it has stored. */
  isSilent = false
  /** Ends no call. */
  isDeaf = false
  /** Whether it remembers the events of sessions. */
  keepsEvents = true
  /** Why a typed line is stopped, if it is; not called back where nothing is said of it. */
  judge: ((line: string) => string | undefined) | undefined = () => undefined

  /** Serves one call. */
  serve(call: Call): void {
    let recording: FakeRecording | undefined
    call.on('error', () => undefined)
    call.on('data', ({ message }: RecordRequest) => {
      if (message.case === 'begin') {
        if (this.refusal !== undefined) {
          call.emit('error', toServiceError(this.refusal))
          return
        }
        recording = begun(call, message.value.decisionId, levelFromMessage(message.value.level))
        this.all.push(recording)
        call.write({ message: { case: 'opened', value: {} } })
      }
      if (message.case === 'chunk') {
        const events = message.value.events.map(sessionEventFromMessage)
        if (this.keepsEvents) recording?.events.push(...events)
        const { number } = message.value
        if (!this.isSilent) call.write({ message: { case: 'stored', value: { number } } })
      }
      if (message.case === 'line' && this.judge !== undefined) {
        const { number, line } = message.value
        const reason = this.judge(Buffer.from(line).toString('latin1'))
        const value = { number, passes: reason === undefined, reason: reason ?? '' }
        call.write({ message: { case: 'verdict', value } })
      }
      if (message.case === 'end' && recording !== undefined) {
        recording.ending = endingFromMessage(message.value.ending)
        recording.reason = message.value.reason
      }
    })
    call.on('end', () => {
      if (!this.isDeaf) call.end()
    })
  }
}

function begun(call: Call, decisionId: string, level: string): FakeRecording {
  return {
    ...{ decisionId, level, events: [], ending: undefined, reason: '' },
    cut: (reason) => {
      call.write({ message: { case: 'cut', value: { ending: EndingMessage.CUT, reason } } })
    },
    fail: () => void call.emit('error', { code: status.UNAVAILABLE, details: 'ended by the test' }),
  }
}

/** An allow of what is recorded, and where `commands` are given, of which typed lines are judged. */
export function allowRecorded(
  decisionId: string,
  level: 'output' | 'all' = 'output',
  commands: readonly { words: string[] }[] = [],
) {
  const recordLevel = levelToMessage(level)
  const obligations = { record: true, recordLevel, commands: [...commands] }
  const value = { decisionId, effect: Effect.ALLOW_WITH_OBLIGATIONS, obligations }
  return { case: 'decision' as const, value }
}
