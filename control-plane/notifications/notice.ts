import { escapeText, escapeTexts } from '../../core/escape-text.ts'

/** Something that people outside are told. */
export interface Notice {
  /** Of a DNS label's characters; the same event has the same id, also after a restart. */
  readonly id: string
  /** Such as `accessrequest.pending`. */
  readonly type: string
  /** Unix milliseconds. */
  readonly atMs: number
  readonly namespace: string
  /** Name of the AccessRequest. */
  readonly request: string
  /** For programs. No body of a request and no value of an object is in it. */
  readonly data: Readonly<Record<string, unknown>>
  /** The same in a few lines, for a chat. */
  readonly text: string
}

/** Longest text of a chat message: Slack cuts at 40,000 characters, and a phone shows far fewer. */
const TEXT_MAX = 3_000

/** The payload of the Standard Webhooks specification: type, timestamp, data. */
export function toStandardBody({ type, atMs, data }: Notice): string {
  return JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data: escapeTexts(data) })
}

/**
 * The payload of Slack's incoming webhooks, which Mattermost and others take too. Names of users and objects are
 * strangers' words: none of them becomes a link, a mention or a format.
 */
export function toSlackBody({ text }: Notice): string {
  const lines = text.split('\n').map(escapeText).join('\n')
  const short = lines.length > TEXT_MAX ? `${lines.slice(0, TEXT_MAX)} [cut]` : lines
  const escaped = short.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  // Slack would make links of addresses in a text, and Mattermost mentions of @words.
  const plain = escaped.replaceAll('@', '@\u200b').replaceAll('://', ':\u200b//')
  return JSON.stringify({ text: plain, mrkdwn: false, link_names: false, unfurl_links: false })
}
