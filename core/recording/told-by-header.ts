import type { ToldByFile } from './session-import.ts'

/** Longest text that is kept of a header. */
const TEXT_MAX = 512

/**
 * What the header of an asciicast says of its session, each text shortened: the fields of the format, those of
 * Tailscale's recorder (tailscale, sessionrecording/header.go, v1.90), and those that Lanyard exports. Of another
 * type than text, a field says nothing.
 */
export function toldByHeader(fields: Readonly<Record<string, unknown>>): ToldByFile {
  const kubernetes = toFields(fields['kubernetes'])
  const lanyard = toFields(fields['lanyard'])
  const command = lanyard['command']
  const told = {
    recordedAt: toTime(fields['timestamp']),
    user: firstText(fields['srcNodeUser'], fields['sshUser'], lanyard['rootRequester']),
    node: firstText(fields['srcNode']),
    namespace: firstText(
      kubernetes['Namespace'],
      fields['namespace'],
      lanyard['targetNamespace'],
      lanyard['namespace'],
    ),
    pod: firstText(kubernetes['PodName'], fields['pod'], lanyard['target']),
    container: firstText(kubernetes['Container'], fields['container'], lanyard['container']),
    command: firstText(
      fields['command'],
      fields['execCommand'],
      Array.isArray(command) ? command.join(' ') : undefined,
    ),
    title: firstText(fields['title']),
    sessionType: firstText(kubernetes['SessionType'], lanyard['subresource']),
  }
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
}

function toFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

function firstText(...values: readonly unknown[]): string | undefined {
  const text = values.find((value) => typeof value === 'string' && value !== '')
  return typeof text === 'string' ? text.slice(0, TEXT_MAX).toWellFormed() : undefined
}

/** The header was read before, so a number is in the range of dates. */
function toTime(seconds: unknown): string | undefined {
  return typeof seconds === 'number' && seconds > 0
    ? new Date(Math.floor(seconds) * 1_000).toISOString()
    : undefined
}
