import type { IncomingHttpHeaders } from 'node:http'
import type { Fault } from '../../core/fault.ts'
import type { ExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { JudgedLines, RecordedSession } from '../session/recorded-session.ts'
import type { SessionRecorder } from '../session/session-recorder.ts'

/** Opens the record of one tunnel. Throws a Fault where none can be kept; then nothing may pass. */
export type OpenRecording = (permit: Permit) => Promise<SessionRecorder>

/** The record of one tunnel, from before the API server is asked until the tunnel is over. */
export class TunnelRecording {
  readonly #permit: Permit
  readonly #recorder: SessionRecorder
  readonly #Session: typeof RecordedSession
  #session: RecordedSession | undefined

  private constructor(permit: Permit, recorder: SessionRecorder, Session: typeof RecordedSession) {
    this.#permit = permit
    this.#recorder = recorder
    this.#Session = Session
  }

  /** Opens the record. What reads tunnels is loaded now: most pods never open one. Throws as `openRecording`. */
  static async open(permit: Permit, openRecording: OpenRecording): Promise<TunnelRecording> {
    const { RecordedSession: Session } = await import('../session/recorded-session.ts')
    return new TunnelRecording(permit, await openRecording(permit), Session)
  }

  /**
   * The API server has upgraded, with these headers. Throws a Fault for a protocol that cannot be recorded; `onFailed`
   * is told once when the session must end.
   */
  begin(headers: IncomingHttpHeaders, onFailed: (fault: Fault) => void): RecordedSession {
    const { record: level, judgesLines, request } = this.#permit
    const { info } = request
    const protocol = request.protocol.toLowerCase()
    const names = protocol === 'websocket' ? 'sec-websocket-protocol' : 'x-stream-protocol-version'
    const { exec, portForward } = info.attributes
    this.#session = new this.#Session({
      ...{ level, recorder: this.#recorder, onFailed },
      lines: judgesLines ? judgedLines(exec) : undefined,
      kind: {
        upgrade: info.upgrade || 'exec',
        protocol,
        subprotocol: String(headers[names] ?? ''),
        command: exec?.command ?? [],
        ports: portForward?.ports ?? [],
      },
    })
    return this.#session
  }

  /** The tunnel is over, or was never opened. */
  end(): void {
    if (this.#session === undefined)
      this.#recorder.end('finished', 'The API server did not open the tunnel')
    else this.#session.end()
  }
}

/** A terminal has one output. */
function judgedLines(exec: ExecAttributes | undefined): JudgedLines {
  const isTerminal = exec?.tty ?? true
  const tellOn = isTerminal || exec?.stderr !== true ? 'output' : 'error_output'
  return { isTerminal, tellOn }
}
