import { Fault } from '../fault.ts'
import { type CastHeader, type CastVersion, TERMINAL_SIDE_MAX } from './asciicast.ts'
import { parseJsonLine } from './parse-json-line.ts'

/** The end of year 9999: later times are no times of sessions, and dates cannot hold all of them. */
const TIMESTAMP_MAX = 253_402_300_799

/** Parses the first line of an asciicast file. Throws `request_invalid`, saying what is wrong. */
export function parseCastHeader(line: string): {
  readonly version: CastVersion
  readonly header: CastHeader
  /** All that the line holds. */
  readonly fields: Readonly<Record<string, unknown>>
} {
  const fields = parseJsonLine(line, 'asciicast begins with a JSON object')
  if (!isObject(fields)) throw invalid('asciicast begins with a JSON object')
  const { version } = fields
  if (version === 1) {
    throw invalid('asciicast v1 is not read: write the file as v3 by `asciinema convert` first')
  }
  if (version !== 2 && version !== 3) {
    throw invalid(`version ${JSON.stringify(version)} is not known: want 2 or 3`)
  }
  return { version, header: version === 3 ? headerOf3(fields) : headerOf2(fields), fields }
}

type Fields = Readonly<Record<string, unknown>>

function headerOf3(fields: Fields): CastHeader {
  const { term } = fields
  if (!isObject(term)) throw invalid('`term` is not an object')
  return {
    columns: side(term['cols'], 'term.cols'),
    rows: side(term['rows'], 'term.rows'),
    ...defined('terminalType', optionalText(term['type'], 'term.type')),
    ...common(fields),
  }
}

function headerOf2(fields: Fields): CastHeader {
  const shared = common(fields)
  return {
    columns: side(fields['width'], 'width'),
    rows: side(fields['height'], 'height'),
    ...defined('terminalType', shared.env?.['TERM']),
    ...shared,
  }
}

function common(fields: Fields): Omit<CastHeader, 'columns' | 'rows'> {
  const lanyard = fields['lanyard']
  return {
    ...defined('timestamp', optionalNumber(fields['timestamp'], 'timestamp', TIMESTAMP_MAX)),
    ...defined(
      'idleTimeLimit',
      optionalNumber(fields['idle_time_limit'], 'idle_time_limit', Number.MAX_SAFE_INTEGER),
    ),
    ...defined('command', optionalText(fields['command'], 'command')),
    ...defined('title', optionalText(fields['title'], 'title')),
    ...defined('env', optionalEnvironment(fields['env'])),
    ...defined('lanyard', isObject(lanyard) ? lanyard : undefined),
  }
}

function defined<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [Name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [Name in Key]: Value })
}

function side(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    if (value <= TERMINAL_SIDE_MAX) return value
  }
  throw invalid(`\`${field}\` is not a whole number from 0 to ${TERMINAL_SIDE_MAX}`)
}

/** Recorders write `null` for what they do not know. */
function optionalNumber(value: unknown, field: string, max: number): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value >= 0 && value <= max) return value
  throw invalid(`\`${field}\` is not a number from 0 to ${max}`)
}

function optionalText(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value.toWellFormed()
  throw invalid(`\`${field}\` is not text`)
}

function optionalEnvironment(value: unknown): CastHeader['env'] {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw invalid('`env` is not an object')
  const pairs = Object.entries(value).flatMap(([name, each]) => {
    const text = optionalText(each, 'env')
    return text === undefined ? [] : [[name.toWellFormed(), text] as const]
  })
  return Object.fromEntries(pairs)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(why: string): Fault {
  return new Fault('request_invalid', why)
}
