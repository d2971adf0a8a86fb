import { createHash } from 'node:crypto'
import { type Approval, type Approver, isScope, SCOPES } from '../approvals/approval.ts'
import { type CanonicalValue, canonicalJson } from '../canonical-json.ts'
import { parseDuration } from '../duration.ts'

type ApprovalFields = Readonly<Record<string, unknown>>

const KEYS = [
  ...['approvers', 'minimum', 'duration', 'wait', 'answerWithin', 'requireReason', 'scope'],
]
const APPROVER_KEYS = ['kind', 'name', 'apiGroup']
/** More than any rota, and few enough to be counted by a person. */
const MINIMUM_MAX = 16
const APPROVERS_MAX = 64

interface DurationBounds {
  readonly minMs: number
  readonly maxMs: number
  readonly usual: string
}

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
/** Beyond a day a grant is a policy, which is to be written down. */
const DURATION = { minMs: SECOND_MS, maxMs: DAY_MS, usual: '15m' }
/** Clients give up after a minute or two; the control plane bounds it further. */
const WAIT = { minMs: 0, maxMs: 300 * SECOND_MS, usual: '30s' }
const ANSWER_WITHIN = { minMs: 10 * SECOND_MS, maxMs: 7 * DAY_MS, usual: '1h' }

/** Groups that name everybody, or machines: whoever writes one has not said who may approve. */
const EVERYBODY = /^system:(?:authenticated|unauthenticated|serviceaccounts(?::.*)?|nodes)$/

/**
 * What a rule says of its approvals; undefined for a rule without the effect RequireApproval. What is wrong goes to
 * `problems`, each a sentence that begins with the path of the field.
 */
export function parseApproval(
  rule: ApprovalFields | undefined,
  path: string,
  problems: string[],
): Approval | undefined {
  const at = `${path}.approval`
  if (rule?.['effect'] !== 'RequireApproval') {
    if (rule?.['approval'] !== undefined)
      problems.push(`${at}: is for the effect RequireApproval only`)
    return undefined
  }
  const approval = rule['approval']
  if (!isApprovalFields(approval)) {
    problems.push(`${at}: must say who approves: {approvers: [{kind: Group, name: oncall}]}`)
    return undefined
  }
  for (const key of Object.keys(approval)) {
    if (!KEYS.includes(key)) problems.push(`${at}.${key}: is not a known field`)
  }
  const self = approval['approvers'] === 'self'
  const approvers = self ? [] : parseApprovers(approval['approvers'], `${at}.approvers`, problems)
  const requireReason = parseFlag(approval['requireReason'], `${at}.requireReason`, problems)
  if (self && !requireReason)
    problems.push(`${at}.requireReason: must be true where requesters approve for themselves`)
  const minimum = parseMinimum(approval['minimum'], `${at}.minimum`, problems)
  checkMinimum(minimum, { self, approvers }, `${at}.minimum`, problems)
  return {
    ...{ approvers, self, minimum, requireReason },
    durationMs: parseTime(approval['duration'], DURATION, `${at}.duration`, problems),
    waitMs: parseTime(approval['wait'], WAIT, `${at}.wait`, problems),
    answerWithinMs: parseTime(
      approval['answerWithin'],
      ANSWER_WITHIN,
      `${at}.answerWithin`,
      problems,
    ),
    widestScope: parseScope(approval['scope'], `${at}.scope`, problems),
    ruleDigest: digestOf(rule, path, problems),
  }
}

function parseApprovers(value: unknown, at: string, problems: string[]): readonly Approver[] {
  if (!Array.isArray(value) || value.length === 0) {
    problems.push(
      `${at}: must be a list with at least one entry such as {kind: Group, name: oncall}, or self; nobody could approve`,
    )
    return []
  }
  if (value.length > APPROVERS_MAX)
    problems.push(`${at}: may have at most ${APPROVERS_MAX} entries`)
  return value.map((one: unknown, index) => parseApprover(one, `${at}[${index}]`, problems))
}

function parseApprover(value: unknown, at: string, problems: string[]): Approver {
  const approver = isApprovalFields(value) ? value : {}
  for (const key of Object.keys(approver)) {
    if (!APPROVER_KEYS.includes(key)) problems.push(`${at}.${key}: is not a known field`)
  }
  const { kind, name } = approver
  if (kind !== 'User' && kind !== 'Group')
    problems.push(`${at}.kind: must be User or Group; a ServiceAccount never approves`)
  const text = typeof name === 'string' ? name : ''
  if (text === '') problems.push(`${at}.name: must be there`)
  if (text === '*') problems.push(`${at}.name: "*" names nobody; name a group`)
  if (kind === 'Group' && EVERYBODY.test(text))
    problems.push(`${at}.name: ${text} names everybody or machines; name a group of people`)
  if (kind === 'User' && text.startsWith('system:serviceaccount:'))
    problems.push(`${at}.name: a service account never approves; name a person or a group`)
  return { kind: kind === 'Group' ? 'Group' : 'User', name: text }
}

function parseMinimum(value: unknown, at: string, problems: string[]): number {
  if (value === undefined) return 1
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MINIMUM_MAX)
    return Number(value)
  problems.push(`${at}: must be a whole number from 1 to ${MINIMUM_MAX}`)
  return 1
}

function checkMinimum(
  minimum: number,
  { self, approvers }: Pick<Approval, 'self' | 'approvers'>,
  at: string,
  problems: string[],
): void {
  const users = new Set(approvers.filter(({ kind }) => kind === 'User').map(({ name }) => name))
  const noGroup = approvers.length > 0 && approvers.every(({ kind }) => kind === 'User')
  if (self && minimum > 1) problems.push(`${at}: must be 1 where requesters approve for themselves`)
  if (noGroup && users.size < minimum)
    problems.push(`${at}: ${minimum} people cannot approve, since approvers names ${users.size}`)
}

function parseFlag(value: unknown, at: string, problems: string[]): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    problems.push(`${at}: must be true or false`)
  return value === true
}

function parseTime(
  value: unknown,
  { minMs, maxMs, usual }: DurationBounds,
  at: string,
  problems: string[],
): number {
  const bounds = `must be a duration from ${minMs / SECOND_MS}s to ${maxMs / SECOND_MS}s, such as ${usual}`
  if (value === undefined) return parseDuration(usual)
  try {
    if (typeof value !== 'string') throw new TypeError('no text')
    const ms = parseDuration(value)
    if (ms >= minMs && ms <= maxMs) return ms
  } catch {
    // Recorded below, in the words of the field.
  }
  problems.push(`${at}: ${bounds}`)
  return parseDuration(usual)
}

function parseScope(value: unknown, at: string, problems: string[]): Approval['widestScope'] {
  if (value === undefined) return 'request'
  if (typeof value === 'string' && isScope(value)) return value
  problems.push(`${at}: must be one of ${SCOPES.join(', ')}`)
  return 'request'
}

/** Of the rule as it was written: whatever fields the language gets, a rule that was changed is another one. */
function digestOf(rule: ApprovalFields, path: string, problems: string[]): string {
  try {
    return createHash('sha256')
      .update(canonicalJson(rule as CanonicalValue))
      .digest('hex')
  } catch {
    problems.push(`${path}: holds text that is not well-formed`)
    return ''
  }
}

function isApprovalFields(value: unknown): value is ApprovalFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
