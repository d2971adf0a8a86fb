import { parseCommandRules } from '../commands/parse-command-rules.ts'
import type { ScriptReader } from '../commands/script.ts'
import {
  type AccessPolicy,
  type InvalidPolicy,
  isRuleEffect,
  type PolicyRule,
} from './access-policy.ts'
import { isGuardName } from './guard-names.ts'
import { NO_OBLIGATIONS, type Obligations } from './obligations.ts'
import { parseApproval } from './parse-approval.ts'
import { type MaskProfileLookup, parseMasks } from './parse-masks.ts'
import {
  asRecord,
  asText,
  listOf,
  parseScope,
  parseSubject,
  parseWhen,
  refuseOtherKeys,
  refuseSameNames,
  SCOPE_KEYS,
  stringsOf,
} from './parse-policy-fields.ts'

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: AccessPolicy }
  | { readonly ok: false; readonly invalid: InvalidPolicy }

/** What the parts of a policy that name other things are read with. */
interface PolicyReading {
  readonly readScript: ScriptReader | undefined
  readonly profileOf: MaskProfileLookup
}

/**
 * Checks an AccessPolicy object as it came from the API server. A policy with any problem is
 * refused as a whole: half of one could allow what its other half denies. `commands` of a rule need a reader
 * of shell scripts; without one they are a problem. So is a `mask` that is not built in without its MaskProfile.
 */
export function parseAccessPolicy(
  object: unknown,
  readScript?: ScriptReader,
  profileOf: MaskProfileLookup = () => undefined,
): ParsedPolicy {
  const problems: string[] = []
  const policy = asRecord(object)
  const name = asText(asRecord(policy?.metadata)?.name)
  if (name === '') problems.push('metadata.name: must be there')
  const spec = asRecord(policy?.spec)
  if (spec === undefined) problems.push('spec: must be an object')
  refuseOtherKeys(spec, ['subjects', 'rules'], 'spec', problems)
  const subjects = listOf(spec?.subjects, 'spec.subjects', problems).map((subject, index) =>
    parseSubject(subject, `spec.subjects[${index}]`, problems),
  )
  const rules = listOf(spec?.rules, 'spec.rules', problems).map((rule, index) =>
    parseRule(rule, `spec.rules[${index}]`, problems, { readScript, profileOf }),
  )
  refuseSameNames(rules, problems)
  if (problems.length > 0) return { ok: false, invalid: { name, subjects, problems } }
  return { ok: true, policy: { name, subjects, rules } }
}

const RULE_KEYS = [
  ...['name', 'effect', ...SCOPE_KEYS, 'when', 'lifts', 'commands', 'record', 'mask'],
  'approval',
]

function parseRule(
  value: unknown,
  path: string,
  problems: string[],
  { readScript, profileOf }: PolicyReading,
): PolicyRule {
  const rule = asRecord(value)
  if (rule === undefined) problems.push(`${path}: must be an object`)
  refuseOtherKeys(rule, RULE_KEYS, path, problems)
  const name = asText(rule?.name)
  const effect = asText(rule?.effect)
  if (name === '') problems.push(`${path}.name: must be there`)
  if (!isRuleEffect(effect)) problems.push(`${path}.effect: must be Allow, RequireApproval or Deny`)
  const lifts = rule?.lifts === undefined ? [] : stringsOf(rule.lifts, `${path}.lifts`, problems)
  for (const guard of lifts) {
    if (!isGuardName(guard))
      problems.push(`${path}.lifts: no guard is called ${JSON.stringify(guard)}`)
  }
  if (lifts.length > 0 && effect === 'Deny') problems.push(`${path}.lifts: only an Allow can lift`)
  const approval = parseApproval(rule, path, problems)
  return {
    name,
    effect: effect as PolicyRule['effect'],
    ...parseScope(rule, path, problems),
    ...parseWhen(rule, path, problems),
    lifts,
    obligations: parseObligations(rule, path, problems, profileOf),
    ...commandsOf(rule, path, problems, readScript),
    ...(approval === undefined ? {} : { approval }),
  }
}

/** Resources whose requests open sessions, which can be recorded. */
const OPEN_SESSIONS = /^(?:\*|(?:\*|pods)\/(?:exec|attach|portforward))$/

/**
 * Reads `mask` and `record` of a rule. There is no word for less than another rule asks for. Without `profileOf` a mask is
 * one of those that are built in.
 */
export function parseObligations(
  rule: Record<string, unknown> | undefined,
  path: string,
  problems: string[],
  profileOf: MaskProfileLookup = () => undefined,
): Obligations {
  if (rule?.['record'] === undefined && rule?.['mask'] === undefined) return NO_OBLIGATIONS
  const record = recordOf(rule, `${path}.record`, problems)
  return { ...NO_OBLIGATIONS, record, mask: parseMasks(rule, `${path}.mask`, problems, profileOf) }
}

/** `record` asks for more than is recorded by default. */
function recordOf(
  rule: Record<string, unknown>,
  at: string,
  problems: string[],
): Obligations['record'] {
  const level = rule['record']
  if (level === undefined) return 'none'
  if (rule['effect'] === 'Deny') problems.push(`${at}: only an Allow can record; a Deny denies all`)
  if (!names(rule, OPEN_SESSIONS))
    problems.push(
      `${at}: the rule must name pods/exec, pods/attach or pods/portforward, the requests that open sessions`,
    )
  if (level === 'output' || level === 'all') return level
  problems.push(
    `${at}: must be output or all; a rule asks for more than controlPlane.recording.default, never for less`,
  )
  return 'none'
}

/** Whether one of the resources of a rule is of a kind. */
function names(rule: Record<string, unknown> | undefined, kind: RegExp): boolean {
  const named = Array.isArray(rule?.resources) ? (rule.resources as readonly unknown[]) : []
  return named.some((name) => typeof name === 'string' && kind.test(name))
}

/** Resources of which a request may run a command. */
const RUN_COMMANDS = /^(?:\*|(?:\*|pods)\/(?:exec|attach))$/

function commandsOf(
  rule: Record<string, unknown> | undefined,
  path: string,
  problems: string[],
  readScript: ScriptReader | undefined,
): Pick<PolicyRule, 'commands'> {
  if (rule?.commands === undefined) return {}
  const at = `${path}.commands`
  if (rule.effect === 'Deny')
    problems.push(`${at}: only an Allow can have commands; a Deny denies all`)
  if (!names(rule, RUN_COMMANDS))
    problems.push(
      `${at}: the rule must name pods/exec or pods/attach, the requests that run commands`,
    )
  const rules = parseCommandRules(rule.commands, at, problems, readScript)
  return readScript === undefined ? {} : { commands: { ...rules, readScript } }
}
