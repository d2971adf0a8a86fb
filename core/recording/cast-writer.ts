import { assert } from '../assert.ts'
import { escapeJson } from '../escape-text.ts'
import { CAST_CODES, type CastEvent, type CastHeader, type CastVersion } from './asciicast.ts'

/** Codes that version 2 knows; its players need not skip others. */
const VERSION_2_CODES: readonly string[] = [
  CAST_CODES.output,
  CAST_CODES.input,
  CAST_CODES.resize,
  CAST_CODES.marker,
]

/**
 * Lines of one asciicast file. The lines hold no control character, so that a terminal obeys nothing in
 * them; half a surrogate pair becomes U+FFFD, since other readers refuse it.
 */
export class CastWriter {
  readonly #version: CastVersion
  #lastUs = 0

  constructor(version: CastVersion) {
    this.#version = version
  }

  /** The first line. */
  header(header: CastHeader): string {
    const { columns: cols, rows, terminalType: type } = header
    const { timestamp, idleTimeLimit: idle_time_limit, command, title, lanyard } = header
    // Version 2 has no field for the terminal's type; its recorders keep it in the environment.
    const env =
      this.#version === 2 && type !== undefined ? { TERM: type, ...header.env } : header.env
    const rest = { timestamp, idle_time_limit, command, title, env, lanyard }
    return this.#version === 3
      ? toLine({ version: 3, term: { cols, rows, type }, ...rest })
      : toLine({ version: 2, width: cols, height: rows, ...rest })
  }

  /** The line of one event; empty where the version has no such event. Events come in order of time. */
  event({ atUs, code, text }: CastEvent): string {
    assert(Number.isSafeInteger(atUs) && atUs >= this.#lastUs, 'events come in order of time')
    if (this.#version === 2 && !VERSION_2_CODES.includes(code)) return ''
    const us = this.#version === 3 ? atUs - this.#lastUs : atUs
    this.#lastUs = atUs
    return `[${seconds(us)}, ${toJson(code)}, ${toJson(text)}]\n`
  }
}

/** Microseconds as seconds, without the error of a division. */
function seconds(us: number): string {
  const whole = Math.floor(us / 1_000_000)
  return `${whole}.${String(us % 1_000_000).padStart(6, '0')}`
}

function toLine(value: unknown): string {
  return `${toJson(value)}\n`
}

function toJson(value: unknown): string {
  const wellFormed = (_key: string, each: unknown) =>
    typeof each === 'string' ? each.toWellFormed() : each
  return escapeJson(JSON.stringify(value, wellFormed))
}
