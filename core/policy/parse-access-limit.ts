import type { AccessLimit, ParsedLimit } from './access-limit.ts'
import type { PolicyRule } from './access-policy.ts'
import { parseObligations } from './parse-access-policy.ts'
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
} from './parse-policy-fields.ts'

type RuleFields = Record<string, unknown> | undefined

/** Checks an AccessCeiling as it came from the API server; any problem makes it invalid as a whole. */
export function parseAccessCeiling(object: unknown): ParsedLimit {
  return parseLimit(object, 'AccessCeiling', parseCeilingRule)
}

/** Checks a NarrowingPolicy as it came from the API server; any problem makes it invalid as a whole. */
export function parseNarrowingPolicy(object: unknown): ParsedLimit {
  return parseLimit(object, 'NarrowingPolicy', parseNarrowingRule)
}

type RuleParser = (
  rule: RuleFields,
  path: string,
  problems: string[],
  namespace: string,
) => PolicyRule

function parseLimit(
  object: unknown,
  kind: AccessLimit['kind'],
  parseRule: RuleParser,
): ParsedLimit {
  const problems: string[] = []
  const { metadata, spec: written } = asRecord(object) ?? {}
  const { name: named, namespace: within } = asRecord(metadata) ?? {}
  const name = asText(named)
  const namespace = kind === 'NarrowingPolicy' ? asText(within) : ''
  if (name === '') problems.push('metadata.name: must be there')
  const spec = asRecord(written)
  if (spec === undefined) problems.push('spec: must be an object')
  refuseOtherKeys(spec, ['subjects', 'rules'], 'spec', problems)
  const subjects = subjectsOf(spec, problems)
  const rules = listOf(spec?.['rules'], 'spec.rules', problems).map((rule, index) => {
    const path = `spec.rules[${index}]`
    const fields = asRecord(rule)
    if (fields === undefined) problems.push(`${path}: must be an object`)
    if (asText(fields?.['name']) === '') problems.push(`${path}.name: must be there`)
    return parseRule(fields, path, problems, namespace)
  })
  refuseSameNames(rules, problems)
  const limit = { kind, name, namespace, ...subjects }
  if (problems.length > 0) return { ok: false, invalid: { ...limit, problems } }
  return { ok: true, limit: { ...limit, rules } }
}

/** One that cannot be read as a list holds for everybody: it must not hold for fewer than it was meant for. */
function subjectsOf(spec: RuleFields, problems: string[]): Pick<AccessLimit, 'subjects'> {
  if (spec?.['subjects'] === undefined) return {}
  const before = problems.length
  const subjects = listOf(spec['subjects'], 'spec.subjects', problems).map((subject, index) =>
    parseSubject(subject, `spec.subjects[${index}]`, problems),
  )
  return problems.length > before ? {} : { subjects }
}

const CEILING_KEYS = ['name', 'effect', ...SCOPE_KEYS, 'when', 'mask', 'record']

function parseCeilingRule(rule: RuleFields, path: string, problems: string[]): PolicyRule {
  refuseOtherKeys(rule, CEILING_KEYS, path, problems)
  const effect = rule?.['effect']
  if (effect !== 'Allow' && effect !== 'Deny')
    problems.push(`${path}.effect: must be Allow or Deny`)
  return {
    name: asText(rule?.['name']),
    effect: effect === 'Allow' ? 'Allow' : 'Deny',
    ...parseScope(rule, path, problems),
    ...parseWhen(rule, path, problems),
    lifts: [],
    obligations: parseObligations(rule, path, problems),
  }
}

const NARROWING_KEYS = CEILING_KEYS.filter((key) => key !== 'namespaces')

/** A Restrict allows nothing by itself: beside it stands a rule that allows everything. */
function parseNarrowingRule(
  rule: RuleFields,
  path: string,
  problems: string[],
  namespace: string,
): PolicyRule {
  if (rule?.['namespaces'] !== undefined)
    problems.push(
      `${path}.namespaces: a NarrowingPolicy is about its own namespace; leave namespaces out`,
    )
  const { namespaces: _own, ...fields } = rule ?? {}
  refuseOtherKeys(fields, NARROWING_KEYS, path, problems)
  const effect = rule?.['effect']
  const restricts = effect === 'Restrict'
  if (!restricts && effect !== 'Deny')
    problems.push(`${path}.effect: must be Deny or Restrict; a NarrowingPolicy allows nothing`)
  if (restricts && fields['mask'] === undefined && fields['record'] === undefined)
    problems.push(`${path}: a Restrict must say what is done: mask or record`)
  return {
    name: asText(rule?.['name']),
    effect: restricts ? 'Allow' : 'Deny',
    ...parseScope(rule === undefined ? rule : fields, path, problems),
    namespaces: [namespace],
    ...parseWhen(rule, path, problems),
    lifts: [],
    obligations: parseObligations(rule, path, problems),
  }
}
