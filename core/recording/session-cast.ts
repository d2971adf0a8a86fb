import { CAST_CODES, type CastHeader, type CastVersion } from './asciicast.ts'
import { CastWriter } from './cast-writer.ts'
import {
  type ConnectionEvent,
  endedText,
  type FileEvent,
  type SessionEnding,
  type SessionEvent,
} from './session-event.ts'

/** What a session without a terminal of its own is shown in. */
const COLUMNS = 80
const ROWS = 24

export interface CastSession {
  /** Of the header; its size is that of the session's first resize event. */
  readonly header: Omit<CastHeader, 'columns' | 'rows'>
  /**
   * Whether the session has a terminal. Without one, no line discipline has written CR before LF, so the
   * asciicast gets it: players show it on a terminal, where LF alone does not go back to the first column.
   */
  readonly terminal: boolean
}

/**
 * A recorded session as an asciicast, event by event. Bytes become text: a character that is split over
 * events of one stream is put together, and what is not UTF-8 becomes U+FFFD. Error output is an output
 * event after an event of code `e`. Version 2 has no event for an exit, so it is a marker there.
 */
export class SessionCast {
  readonly #session: CastSession
  readonly #version: CastVersion
  readonly #writer: CastWriter
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>()
  #begun = false
  #lastUs = 0
  #lastMarker = ''

  constructor(session: CastSession, version: CastVersion) {
    this.#session = session
    this.#version = version
    this.#writer = new CastWriter(version)
  }

  /** The lines of one event, and of the header before the first; empty while a character is incomplete. */
  push(event: SessionEvent): string {
    const size = event.kind === 'resize' ? event : { columns: COLUMNS, rows: ROWS }
    const header = this.#begun ? '' : this.#writer.header({ ...this.#session.header, ...size })
    const first = !this.#begun
    this.#begun = true
    this.#lastUs = event.atUs
    return header + (first && event.kind === 'resize' ? '' : this.#lines(event))
  }

  /** The last lines: what is left of incomplete characters, and why the session ended, unless by itself. */
  end(ending: SessionEnding, reason: string): string {
    const header = this.#begun
      ? ''
      : this.#writer.header({ ...this.#session.header, columns: COLUMNS, rows: ROWS })
    this.#begun = true
    const rest = [...this.#decoders].map(([kind, decoder]) => this.#text(kind, decoder.decode()))
    const said = endedText(ending, reason)
    // The sidecar has said so when it could.
    const isKnown = ending === 'finished' || this.#lastMarker === said
    const last = isKnown ? '' : this.#marker(said)
    return header + rest.join('') + last
  }

  #lines(event: SessionEvent): string {
    switch (event.kind) {
      case 'output':
      case 'error_output':
      case 'input':
        return this.#text(event.kind, this.#decode(event.kind, event.bytes))
      case 'resize':
        return this.#line(CAST_CODES.resize, `${event.columns}x${event.rows}`)
      case 'exit':
        return event.code === undefined || this.#version === 2
          ? this.#marker(`exit ${event.code ?? event.status}`)
          : this.#line(CAST_CODES.exit, String(event.code))
      case 'marker':
        return this.#marker(event.text)
      case 'connection_opened':
      case 'connection_closed':
        return this.#marker(connectionText(event))
      case 'file':
        return this.#marker(fileText(event))
      default:
        return event satisfies never
    }
  }

  #decode(kind: string, bytes: Uint8Array): string {
    let decoder = this.#decoders.get(kind)
    if (decoder === undefined) {
      decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      this.#decoders.set(kind, decoder)
    }
    return decoder.decode(bytes, { stream: true })
  }

  #text(kind: string, text: string): string {
    if (text === '') return ''
    if (kind === 'input') return this.#line(CAST_CODES.input, text)
    const shown = this.#session.terminal ? text : text.replaceAll(/\r?\n/g, '\r\n')
    const mark = kind === 'error_output' ? this.#line(CAST_CODES.errorOutput, '') : ''
    return mark + this.#line(CAST_CODES.output, shown)
  }

  #marker(text: string): string {
    this.#lastMarker = text
    return this.#line(CAST_CODES.marker, text)
  }

  #line(code: string, text: string): string {
    return this.#writer.event({ atUs: this.#lastUs, code, text })
  }
}

function connectionText(event: ConnectionEvent): string {
  const what = `connection ${event.connection} to port ${event.port}`
  if (event.kind === 'connection_opened') return `${what} opened`
  const bytes = `${event.bytesToPod} bytes to the pod, ${event.bytesFromPod} bytes from the pod`
  return `${what} closed, ${bytes}${event.error === '' ? '' : `: ${event.error}`}`
}

function fileText({ direction, name, bytes, sha256 }: FileEvent): string {
  const way = direction === 'to_pod' ? 'to the pod' : 'from the pod'
  const digest = sha256 === '' ? 'the file is incomplete' : `SHA-256 ${sha256}`
  return `file ${name} copied ${way}, ${bytes} bytes, ${digest}`
}
