import type {
  AccessRequestContentObject,
  AccessRequestObject,
  ApprovalReviewObject,
  HeldRuleObject,
} from '../../api/objects/access-request-object.ts'
import { tunnelLines } from '../../api/texts/exec-text.ts'
import { indentJson } from '../../api/texts/indent-json.ts'
import { requestText } from '../../api/texts/request-text.ts'
import { escapeText } from '../../core/escape-text.ts'
import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { CommandContext } from '../command/command-context.ts'
import { labelled } from '../terminal/labelled-lines.ts'
import { describeActor, describeRequester } from '../terminal/principal-text.ts'
import { formatTime } from '../terminal/time-text.ts'
import { wrapLine } from '../terminal/wrap-line.ts'
import { bodyOf } from './check-content.ts'

/** Lines of a body that are shown unless all of it is wanted. */
const BODY_LINES_MAX = 200

/**
 * One request in full. Everything that strangers wrote is escaped, and broken so that none of it begins at the left edge
 * of the terminal; what is cut says so.
 */
export function requestLines(
  context: CommandContext,
  request: AccessRequestObject,
  content: AccessRequestContentObject | undefined,
  full: boolean,
): readonly string[] {
  const { terminal } = context
  const { spec, status } = request
  const style =
    status.phase === 'Approved' ? 'green' : status.phase === 'Pending' ? 'yellow' : 'red'
  const head = `${terminal.style(style, status.phase)}  ${request.metadata.name}  ${lifeOf(context, request)}`
  const part = (label: string, lines: readonly string[]) =>
    labelled(terminal, label, lines.map(escapeText))
  const told = (label: string, lines: readonly string[]) =>
    labelled(terminal, label, lines.map(escapeText).flatMap(wrapLine))
  return [
    ...labelled(terminal, 'Request', [head]),
    ...told('Asks for', askedLines(spec)),
    ...told('Chain', chainLines(spec)),
    ...told('Reason', [spec.reason === undefined ? 'none given' : `${spec.reason} (unchecked)`]),
    ...part('Rules', spec.rules.map(ruleText)),
    ...part(
      'Answers',
      status.reviews.map((review) => reviewText(review, context.utc)),
    ),
    ...told('Closed', closingLines(status)),
    ...part('Digest', [spec.digest]),
    ...labelled(terminal, 'Body', bodyLines(spec, content, full)),
    ...part('Allows', status.phase === 'Pending' ? scopeLines(spec) : []),
    ...labelled(
      terminal,
      'You may',
      status.phase === 'Pending' ? offerLines(context, request, content) : [],
    ),
  ]
}

function lifeOf(
  { now, utc }: CommandContext,
  { metadata, spec, status }: AccessRequestObject,
): string {
  const made = `made ${formatTime(metadata.creationTimestamp, utc)}`
  if (status.phase !== 'Pending') return made
  const left = humanDuration(Math.max(0, Date.parse(spec.expiresAt) - now()))
  return `${made}, can be answered for ${left}`
}

function askedLines(spec: AccessRequestObject['spec']): readonly string[] {
  const { method, target, object, impersonatedUser } = spec
  return [
    requestText(spec),
    ...tunnelLines(spec),
    ...(target === '' ? [] : [`${method} ${target}`.trim()]),
    ...(impersonatedUser === undefined ? [] : [`as ${impersonatedUser.username} (impersonated)`]),
    ...(object === undefined
      ? []
      : [`of the object with uid ${object.uid}, version ${object.resourceVersion}`]),
  ]
}

function chainLines({ chain, container }: AccessRequestObject['spec']): readonly string[] {
  return [
    describeRequester(chain.rootRequester, 'root requester'),
    ...chain.coRequesters.map((each) => describeRequester(each, 'co-requester')),
    ...chain.actors.map((actor) => `→ ${describeActor(actor)}`),
    `  container ${container}`,
  ]
}

function ruleText(rule: HeldRuleObject): string {
  const { name, principal, approvers, breakGlass, minimum, reasonRequired } = rule
  const { widestScope, durationSeconds } = rule
  const who = [
    ...approvers.map((approver) => `${approver.kind} ${approver.name}`),
    ...(breakGlass ? ['who asks (BREAK GLASS)'] : []),
  ]
  const people = `${minimum} of: ${who.join(', ') || 'nobody'}`
  const reason = reasonRequired ? ', with a reason' : ''
  return `${name} (for ${principal}): ${people}${reason}; scope ${widestScope} at most, for ${humanDuration(durationSeconds * 1_000)}`
}

function reviewText({ answer, by, at, scope, reason }: ApprovalReviewObject, utc: boolean): string {
  const what = scope === undefined ? answer : `${answer} (scope ${scope})`
  const why = reason === undefined ? '' : `: ${reason}`
  return `${what} by ${by}, ${formatTime(at, utc)}${why}`
}

function closingLines(status: AccessRequestObject['status']): readonly string[] {
  const { closedBy, closingReason, grant } = status
  return [
    ...(closedBy === undefined ? [] : [`by ${closedBy}`]),
    ...(closingReason === undefined ? [] : [closingReason]),
    ...(grant === undefined ? [] : [`grant ${grant}`]),
  ]
}

function bodyLines(
  { bodyBytes, bodySha256, contentType }: AccessRequestObject['spec'],
  content: AccessRequestContentObject | undefined,
  full: boolean,
): readonly string[] {
  if (bodyBytes === 0) return ['none']
  const type = wrapLine(escapeText(`${bodyBytes} bytes of ${contentType || 'no type'}, SHA-256`))
  const head = [...type, bodySha256]
  if (content === undefined) {
    return [...head, 'not shown: you may not get accessrequests/content']
  }
  if (content.body.encoding === 'base64') {
    return [...head, 'not UTF-8, so in base64:', ...quoted([content.body.value], full)]
  }
  const lines = textOf(bodyOf(content).toString('utf8'), contentType).split('\n')
  return [...head, ...quoted(lines, full)]
}

function textOf(text: string, contentType: string): string {
  if (!/json/i.test(contentType)) return text
  try {
    JSON.parse(text)
    return indentJson(text)
  } catch {
    // Converted: what says that it is JSON and is not is shown as it is.
    return text
  }
}

/** Each line with a mark in front. What is missing is told; nothing is left out in silence. */
function quoted(lines: readonly string[], full: boolean): readonly string[] {
  const all = lines.map(escapeText).flatMap(wrapLine)
  const shown = (full ? all : all.slice(0, BODY_LINES_MAX)).map((line) => `| ${line}`)
  const missing = all.length - shown.length
  return missing > 0 ? [...shown, `[${missing} more lines: --full]`] : shown
}

/** What an approval would allow besides this request. */
function scopeLines({ rules }: AccessRequestObject['spec']): readonly string[] {
  const shortest = Math.min(...rules.map(({ durationSeconds }) => durationSeconds))
  const longest = humanDuration(shortest * 1_000)
  const names = rules.map(({ name }) => name).join(' and ')
  const every = {
    request: 'scope request: this request with these bytes, once; nothing besides',
    command: `scope command: this request with these bytes, by this pod, any number of times for ${longest}`,
    rule: `scope rule: whatever ${names} holds back, by this pod, for ${longest}; what it is need not be like this request`,
  }
  const order = ['request', 'command', 'rule'] as const
  const widest = Math.min(...rules.map(({ widestScope }) => order.indexOf(widestScope)))
  return order.slice(0, widest + 1).map((scope) => every[scope])
}

function offerLines(
  { program }: CommandContext,
  { metadata }: AccessRequestObject,
  content: AccessRequestContentObject | undefined,
): readonly string[] {
  if (content === undefined) return ['what you may is told to who may get accessrequests/content']
  const { approve, deny, cancel, reasonRequired, why } = content.offers
  const where = `${metadata.name} -n ${metadata.namespace}`
  const reason = reasonRequired ? ' --reason TEXT' : ''
  const lines = [
    ...approve.map((scope) => `${program} approve ${where} --scope ${scope}${reason}`),
    ...(deny ? [`${program} deny ${where} --reason TEXT`] : []),
    ...(cancel ? [`${program} cancel ${where}`] : []),
    ...wrapLine(escapeText(why)).filter((line) => line !== ''),
  ]
  return lines.length === 0 ? ['nothing'] : lines
}
