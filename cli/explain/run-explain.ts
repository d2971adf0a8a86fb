import type { ActorObject, AuditEventObject } from '../../api/objects/access-objects.ts'
import { tunnelLines } from '../../api/texts/exec-text.ts'
import { effectText, requestText } from '../../api/texts/request-text.ts'
import { escapeText } from '../../core/escape-text.ts'
import { serviceAccountUser } from '../../core/kubernetes/user-info.ts'
import type { DecisionId } from '../arguments/decision-id.ts'
import type { CommandContext } from '../command/command-context.ts'
import { labelled } from '../terminal/labelled-lines.ts'
import { objectName, toJson, toYaml } from '../terminal/output-format.ts'
import { describeActor, describeRequester } from '../terminal/principal-text.ts'
import { formatTime } from '../terminal/time-text.ts'
import { adviceLines } from './advice.ts'
import { approvalLines } from './approval-lines.ts'
import { findDecision } from './find-decision.ts'
import { forwardingText } from './forwarding-text.ts'

/** `explain ID`: one decision in full, for whom, by what, and what became of it. */
export async function runExplain(context: CommandContext, id: DecisionId): Promise<number> {
  const { terminal, output } = context
  const event = await findDecision(context, id)
  if (output === 'json') terminal.out(toJson(event))
  else if (output === 'name') terminal.out(objectName(event))
  else if (output === 'yaml') terminal.out(toYaml(event))
  else terminal.out(`${explanation(context, event).join('\n')}\n`)
  return 0
}

function explanation(context: CommandContext, event: AuditEventObject): readonly string[] {
  const { terminal, utc } = context
  const { spec, metadata } = event
  const effect = effectText(spec)
  const mild = spec.effect === 'Hold' || spec.observed
  const style = spec.effect === 'Allow' && !spec.observed ? 'green' : mild ? 'yellow' : 'red'
  const advice = spec.effect === 'Deny' ? adviceLines(event) : []
  return [
    ...labelled(terminal, 'Decision', [
      `${terminal.style(style, effect)}  ${escapeText(metadata.name)}  ${formatTime(spec.decidedAt, utc)}`,
    ]),
    ...labelled(terminal, 'Request', [
      escapeText(requestText(spec)),
      ...tunnelLines(spec).map(escapeText),
      escapeText(`by ${caller(event)}`),
      ...(spec.impersonatedUser === undefined
        ? []
        : [escapeText(`as ${spec.impersonatedUser.username} (impersonated)`)]),
      ...(spec.userAgent === '' ? [] : [escapeText(`with ${spec.userAgent}`)]),
      ...summary(context, event).map(escapeText),
    ]),
    ...labelled(terminal, 'Chain', chainLines(context, event)),
    ...labelled(terminal, 'Because', because(event).map(escapeText)),
    ...labelled(terminal, 'Rules', ruleLines(spec).map(escapeText)),
    ...labelled(terminal, 'Obliged', obligationLines(spec).map(escapeText)),
    ...labelled(terminal, 'Approval', approvalLines(event, utc).map(escapeText)),
    ...labelled(terminal, 'Outcome', outcome(event).map(escapeText)),
    ...(advice.length === 0 ? [] : labelled(terminal, 'To allow', advice.map(escapeText))),
  ]
}

/** What one record stands for, when it is more than the request that it shows. */
function summary({ utc }: CommandContext, { spec }: AuditEventObject): readonly string[] {
  if (spec.refusals === undefined) return []
  const until = spec.lastAt === undefined ? '' : `, the last at ${formatTime(spec.lastAt, utc)}`
  const samples = (spec.samples ?? []).map((sample) => `  ${sample}`)
  return [`one of ${spec.refusals} refused alike, summed up in this record${until}:`, ...samples]
}

function caller({ spec, metadata }: AuditEventObject): string {
  const container = spec.container === '' ? '' : `container ${spec.container} of `
  const cluster = spec.cluster.name === undefined ? '' : ` of the cluster ${spec.cluster.name}`
  return `${container}pod ${metadata.namespace}/${spec.pod}${cluster} (service account ${spec.serviceAccount})`
}

/** Every rule that matched, of whomever. */
function ruleLines({ matches }: AuditEventObject['spec']): readonly string[] {
  return matches.flatMap(({ principal, role, rules }) =>
    rules.map(({ name, effect }) => `${effect} by ${name}, for ${principal} (${role})`),
  )
}

function obligationLines({ obligations }: AuditEventObject['spec']): readonly string[] {
  if (obligations === undefined) return []
  const { mask, record, commands } = obligations
  return [
    ...mask.map((name) => `the answer is masked: ${name}`),
    ...(record === 'none' ? [] : [recordLine(record)]),
    ...commands.map((words) => `this command does not run: ${words.join(' ')}`),
  ]
}

function recordLine(record: 'output' | 'all'): string {
  return record === 'all'
    ? 'what goes through the tunnel both ways is recorded'
    : 'what comes out of the tunnel is recorded'
}

function chainLines(context: CommandContext, { spec }: AuditEventObject): readonly string[] {
  const { rootRequester, coRequesters, actors } = spec.chain
  const refused = context.terminal.style('red', '  ✗ may not')
  const mark = (username: string) =>
    spec.refusedBy !== '' && username === spec.refusedBy ? refused : ''
  const requesters = [
    { requester: rootRequester, role: 'root requester' },
    ...coRequesters.map((requester) => ({ requester, role: 'co-requester' })),
  ]
  return [
    ...requesters.map(
      ({ requester, role }) => `${describeRequester(requester, role)}${mark(requester.username)}`,
    ),
    ...actors.map((actor, index) => {
      const isCaller = index === actors.length - 1
      const note = isCaller ? '  ◀ asked' : mark(usernameOf(actor))
      return `${'   '.repeat(index)}└─ ${describeActor(actor)}${note}`
    }),
  ]
}

function usernameOf({ namespace, serviceAccount }: ActorObject): string {
  return serviceAccountUser(namespace, serviceAccount).username
}

function because({ spec }: AuditEventObject): readonly string[] {
  const reason = `(${spec.reason})`
  if (spec.effect !== 'Allow') {
    return [spec.message === '' ? `it is refused ${reason}` : spec.message, reason]
  }
  switch (spec.reason) {
    case 'rbac_allows':
      return [`RBAC allows it to every principal of the chain ${reason}`]
    case 'approved':
      return [`rule ${spec.rule} holds it back, and it was approved ${reason}`]
    case 'policy_allows':
      return [`rule ${spec.rule} allows it, and every principal of the chain may ${reason}`]
    default:
      return [`every principal of the chain may ${reason}`]
  }
}

function outcome(event: AuditEventObject): readonly string[] {
  const { spec, status } = event
  const forwarded = forwardingText(event)
  const observed = spec.observed
    ? ['the namespace only observes, so the request passed although it would be refused']
    : []
  if (status.phase === 'Open') {
    return [...observed, `still open, or its sidecar died; ${forwarded}`]
  }
  const elapsedMs = Date.parse(status.completedAt ?? '') - Date.parse(spec.decidedAt)
  const took = Number.isNaN(elapsedMs) ? '' : ` after ${elapsedMs} ms`
  const answer =
    status.httpStatus === undefined || status.httpStatus === 0
      ? `the connection ended without an answer${took}`
      : `the pod got HTTP ${status.httpStatus} and ${status.responseBytes ?? 0} bytes${took}`
  const masked = (status.masked ?? []).map(
    ({ mask, values }) =>
      `${values} ${values === 1 ? 'value was' : 'values were'} hidden by ${mask}`,
  )
  const fault = status.fault ? [`it failed in Lanyard: ${status.fault}`] : []
  return [...observed, answer, ...masked, ...fault, forwarded]
}
