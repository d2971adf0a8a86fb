import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { toUser } from '../rules/to-user.ts'

/** What a request of a PolicyTest must be answered. */
export interface PolicyCase {
  readonly name: string
  readonly root: UserInfo
  readonly coRequesters: readonly UserInfo[]
  /** Service accounts of the pods before the one that asks, as NAMESPACE/NAME. */
  readonly ancestors: readonly string[]
  readonly verb: string
  readonly resource: string
  readonly object: string
  readonly namespace: string
  /** Words of an exec; absent where nothing is said about it. */
  readonly command?: readonly string[]
  readonly namespaceLabels?: Readonly<Record<string, string>>
  /** RFC 3339; absent for now. */
  readonly at?: string
  /** Whether RBAC allows whom no policy names. */
  readonly rbac: 'Allow' | 'Deny'
  readonly expect: 'Allow' | 'Deny' | 'Hold'
  /** `POLICY/RULE`, or another word of the decision; absent for any. */
  readonly rule?: string
  readonly mask?: readonly string[]
}

/** A PolicyTest that was read. */
export interface PolicyTest {
  /** Files of policies, as they are written in it. */
  readonly policies: readonly string[]
  readonly cases: readonly PolicyCase[]
}

const CASE_KEYS = [
  ...['name', 'root', 'groups', 'coRequesters', 'ancestors', 'request', 'namespace', 'command'],
  ...['namespaceLabels', 'at', 'rbac', 'expect', 'rule', 'mask'],
]

/** Reads an object of the kind PolicyTest. What is wrong goes to `problems`, each beginning with the path of its field. */
export function parsePolicyTest(object: unknown, problems: string[]): PolicyTest {
  const { policies, cases } = (object ?? {}) as { policies?: unknown; cases?: unknown }
  refuseOthers(object, ['apiVersion', 'kind', 'metadata', 'policies', 'cases'], '', problems)
  if (!Array.isArray(cases) || cases.length === 0)
    problems.push('cases: must be a list with at least one entry')
  const list = Array.isArray(cases) ? (cases as readonly unknown[]) : []
  return {
    policies: texts(policies, 'policies', problems) ?? [],
    cases: list.map((one, index) => parseCase(one, `cases[${index}]`, problems)),
  }
}

function parseCase(value: unknown, path: string, problems: string[]): PolicyCase {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>
  refuseOthers(value, CASE_KEYS, `${path}.`, problems)
  const one = (key: string, fallback: string) =>
    textOf(fields[key], `${path}.${key}`, fallback, problems)
  const many = (key: string) => texts(fields[key], `${path}.${key}`, problems)
  const request = one('request', '')
  const [verb = '', resource = '', object = '', ...rest] = request.split(/\s+/)
  if (resource === '' || rest.length > 0)
    problems.push(`${path}.request: must be VERB RESOURCE [NAME], as get pods/log web-1`)
  const { command, mask } = { command: many('command'), mask: many('mask') }
  const labels = labelsOf(fields['namespaceLabels'], `${path}.namespaceLabels`, problems)
  const at = one('at', '')
  if (at !== '' && Number.isNaN(Date.parse(at)))
    problems.push(`${path}.at: must be a time of RFC 3339`)
  if (one('root', '') === '')
    problems.push(`${path}.root: must be there: the user name of the root requester`)
  return {
    name: one('name', request),
    root: toUser(one('root', ''), many('groups') ?? []),
    coRequesters: (many('coRequesters') ?? []).map((username) => toUser(username, [])),
    ancestors: many('ancestors') ?? [],
    ...{ verb, resource, object, namespace: one('namespace', '') },
    rbac: choice(one('rbac', 'Deny'), ['Allow', 'Deny'], `${path}.rbac`, problems),
    expect: choice(one('expect', ''), ['Allow', 'Deny', 'Hold'], `${path}.expect`, problems),
    ...(command === undefined ? {} : { command }),
    ...(mask === undefined ? {} : { mask }),
    ...(labels === undefined ? {} : { namespaceLabels: labels }),
    ...(at === '' ? {} : { at }),
    ...(fields['rule'] === undefined ? {} : { rule: one('rule', '') }),
  }
}

function refuseOthers(
  value: unknown,
  known: readonly string[],
  prefix: string,
  problems: string[],
): void {
  if (typeof value !== 'object' || value === null) {
    problems.push(`${prefix.replace(/\.$/, '') || 'PolicyTest'}: must be an object`)
    return
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) problems.push(`${prefix}${key}: is not a known field`)
  }
}

function choice<Word extends string>(
  text: string,
  words: readonly Word[],
  path: string,
  problems: string[],
): Word {
  const found = words.find((word) => word === text)
  if (found === undefined) problems.push(`${path}: must be ${words.join(' or ')}`)
  return found ?? (words[0] as Word)
}

function textOf(value: unknown, path: string, fallback: string, problems: string[]): string {
  if (value === undefined) return fallback
  if (typeof value === 'string') return value
  problems.push(`${path}: must be a text`)
  return fallback
}

function texts(value: unknown, path: string, problems: string[]): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  problems.push(`${path}: must be a list of texts`)
  return []
}

function labelsOf(
  value: unknown,
  path: string,
  problems: string[],
): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined
  const isLabels =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((label) => typeof label === 'string')
  if (!isLabels) problems.push(`${path}: must be labels, each with a text`)
  return isLabels ? (value as Readonly<Record<string, string>>) : {}
}
