import { parseCommandRules } from '../commands/parse-command-rules.ts'
import type { ScriptReader } from '../commands/script.ts'
import type { AccessPolicy, InvalidPolicy, PolicyRule, Subject } from './access-policy.ts'
import { isGuardName } from './guard-names.ts'
import { NO_OBLIGATIONS, type Obligations } from './obligations.ts'
import { type MaskProfileLookup, parseMasks } from './parse-masks.ts'

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: AccessPolicy }
  | { readonly ok: false; readonly invalid: InvalidPolicy }

/** Fields that the policy language has in later versions. Ignoring one could allow too much. */
const NOT_YET = ['approval', 'when']

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
  const policy = record(object)
  const name = text(record(policy?.metadata)?.name)
  if (name === '') problems.push('metadata.name: must be there')
  const spec = record(policy?.spec)
  if (spec === undefined) problems.push('spec: must be an object')
  refuseOtherKeys(spec, ['subjects', 'rules'], 'spec', problems)
  const subjects = list(spec?.subjects, 'spec.subjects', problems).map((subject, index) =>
    parseSubject(subject, `spec.subjects[${index}]`, problems),
  )
  const rules = list(spec?.rules, 'spec.rules', problems).map((rule, index) =>
    parseRule(rule, `spec.rules[${index}]`, problems, { readScript, profileOf }),
  )
  const names = rules.map((rule) => rule.name)
  for (const [index, ruleName] of names.entries()) {
    if (names.indexOf(ruleName) !== index) {
      problems.push(`spec.rules[${index}].name: ${JSON.stringify(ruleName)} is used twice`)
    }
  }
  if (problems.length > 0) return { ok: false, invalid: { name, subjects, problems } }
  return { ok: true, policy: { name, subjects, rules } }
}

function parseSubject(value: unknown, path: string, problems: string[]): Subject {
  const subject = record(value)
  refuseOtherKeys(subject, ['kind', 'name', 'namespace', 'apiGroup'], path, problems)
  const kind = text(subject?.kind)
  const name = text(subject?.name)
  const namespace = text(subject?.namespace)
  if (kind !== 'User' && kind !== 'Group' && kind !== 'ServiceAccount') {
    problems.push(`${path}.kind: must be User, Group or ServiceAccount`)
  }
  if (name === '') problems.push(`${path}.name: must be there`)
  if (kind === 'ServiceAccount' && namespace === '') {
    problems.push(`${path}.namespace: must be there for a ServiceAccount`)
  }
  if (kind !== 'ServiceAccount' && namespace !== '') {
    problems.push(`${path}.namespace: is for a ServiceAccount only`)
  }
  return { kind: kind as Subject['kind'], name, namespace }
}

const RULE_KEYS = [
  ...['name', 'effect', 'apiGroups', 'resources', 'verbs', 'namespaces', 'lifts'],
  ...['commands', 'record', 'mask'],
]

function parseRule(
  value: unknown,
  path: string,
  problems: string[],
  { readScript, profileOf }: PolicyReading,
): PolicyRule {
  const rule = record(value)
  if (rule === undefined) problems.push(`${path}: must be an object`)
  refuseOtherKeys(rule, RULE_KEYS, path, problems)
  const name = text(rule?.name)
  const effect = text(rule?.effect)
  if (name === '') problems.push(`${path}.name: must be there`)
  if (effect !== 'Allow' && effect !== 'Deny')
    problems.push(`${path}.effect: must be Allow or Deny`)
  const lifts = rule?.lifts === undefined ? [] : strings(rule.lifts, `${path}.lifts`, problems)
  for (const guard of lifts) {
    if (!isGuardName(guard))
      problems.push(`${path}.lifts: no guard is called ${JSON.stringify(guard)}`)
  }
  if (lifts.length > 0 && effect === 'Deny') problems.push(`${path}.lifts: only an Allow can lift`)
  return {
    name,
    effect: effect as PolicyRule['effect'],
    apiGroups: patterns(rule?.apiGroups, `${path}.apiGroups`, problems),
    resources: resources(rule?.resources, `${path}.resources`, problems),
    verbs: patterns(rule?.verbs, `${path}.verbs`, problems),
    namespaces:
      rule?.namespaces === undefined
        ? []
        : patterns(rule.namespaces, `${path}.namespaces`, problems),
    lifts,
    obligations: obligationsOf(rule, path, problems, profileOf),
    ...commandsOf(rule, path, problems, readScript),
  }
}

/** Resources whose requests open sessions, which can be recorded. */
const OPEN_SESSIONS = /^(?:\*|(?:\*|pods)\/(?:exec|attach|portforward))$/

/** What must be done. There is no word for less than another rule asks for. */
function obligationsOf(
  rule: Record<string, unknown> | undefined,
  path: string,
  problems: string[],
  profileOf: MaskProfileLookup,
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

/** `*` stands alone: `team-*` would match nothing, and whoever wrote it would not know. */
function patterns(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = strings(value, path, problems)
  for (const pattern of found) {
    if (pattern.includes('*') && pattern !== '*') {
      problems.push(`${path}: ${JSON.stringify(pattern)} matches nothing; "*" must stand alone`)
    }
  }
  return found
}

/** As in RBAC: `pods`, `pods/log`, `*`, and one subresource of every resource as in the scale rule. */
function resources(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = strings(value, path, problems)
  for (const pattern of found) {
    if (!/^(?:\*|(?:\*|[a-z0-9][-a-z0-9.]*)(?:\/[a-z0-9][-a-z0-9]*)?)$/.test(pattern)) {
      problems.push(
        `${path}: ${JSON.stringify(pattern)} is not a resource, resource/subresource or "*"`,
      )
    }
  }
  return found
}

function strings(value: unknown, path: string, problems: string[]): readonly string[] {
  const found = list(value, path, problems)
  if (found.every((item): item is string => typeof item === 'string')) return found
  problems.push(`${path}: must hold strings only`)
  return []
}

function list(value: unknown, path: string, problems: string[]): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  problems.push(`${path}: must be a list with at least one entry`)
  return []
}

function refuseOtherKeys(
  value: Record<string, unknown> | undefined,
  known: readonly string[],
  path: string,
  problems: string[],
): void {
  for (const key of Object.keys(value ?? {})) {
    if (known.includes(key)) continue
    const why = NOT_YET.includes(key) ? 'is not supported by this version' : 'is not a known field'
    problems.push(`${path}.${key}: ${why}`)
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
