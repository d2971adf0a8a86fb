import { RE2JS } from 're2js'
import type { OwnPattern } from './credentials/own-patterns.ts'
import {
  defineMaskProfile,
  type InvalidMaskProfile,
  type MaskedField,
  type MaskProfile,
} from './mask-profile.ts'
import { isMaskName } from './mask-rules.ts'
import { parseMaskPath } from './parse-mask-path.ts'

export type ParsedMaskProfile =
  | { readonly ok: true; readonly profile: MaskProfile }
  | { readonly ok: false; readonly invalid: InvalidMaskProfile }

const FIELDS_MAX = 256
/** Places of all fields together: each group of a field with each of its resources. */
const PLACES_MAX = 1_024
/** It goes to every sidecar that masks by it. */
const DEFINITION_CHARACTERS_MAX = 64 * 1024
/** Every pattern is looked for in every line. */
const PATTERNS_MAX = 32
const PATTERN_CHARACTERS_MAX = 1_000
const EXAMPLES_MAX = 32
const EXAMPLE_CHARACTERS_MAX = 1_000
/** What a pattern becomes; `x{1000}` takes a thousand. */
const INSTRUCTIONS_MAX = 5_000
const PATTERN_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const GROUP = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)?$/
/** What tells objects apart: a List or a watch without them is none. */
const IDENTITY = /^(?:apiVersion|kind|metadata(?:\.(?:name|namespace|uid|resourceVersion))?)$/

/**
 * Checks a MaskProfile as it came from the API server: its fields, and that each of its patterns is RE2, matches its
 * `examples`, and matches none of its `lookAlikes`.
 */
export function parseMaskProfile(object: unknown): ParsedMaskProfile {
  const problems: string[] = []
  const name = text(record(record(object)?.['metadata'])?.['name'])
  if (name === '') problems.push('metadata.name: must be there')
  if (isMaskName(name)) problems.push(`metadata.name: ${name} is a built-in mask; choose another`)
  const spec = record(record(object)?.['spec'])
  if (spec === undefined) problems.push('spec: must be an object')
  refuseOtherKeys(spec, ['fields', 'patterns'], 'spec', problems)
  const defined = defineMaskProfile(name, spec)
  const { id, definition } = defined
  if (definition.length > DEFINITION_CHARACTERS_MAX)
    problems.push(`spec: has over ${DEFINITION_CHARACTERS_MAX} characters; make two MaskProfiles`)
  const fields = list(spec?.['fields'], 'spec.fields', FIELDS_MAX, problems).flatMap((one, at) =>
    parseField(one, `spec.fields[${at}]`, problems),
  )
  if (fields.length > PLACES_MAX)
    problems.push(`spec.fields: name over ${PLACES_MAX} places; make two MaskProfiles`)
  const patterns = list(spec?.['patterns'], 'spec.patterns', PATTERNS_MAX, problems).flatMap(
    (one, at) => parsePattern(one, `spec.patterns[${at}]`, problems),
  )
  if (spec !== undefined && spec['fields'] === undefined && spec['patterns'] === undefined)
    problems.push('spec: must have fields or patterns; a MaskProfile without any hides nothing')
  for (const [at, pattern] of patterns.entries())
    if (patterns.findIndex((one) => one.name === pattern.name) !== at)
      problems.push(`spec.patterns: the name ${JSON.stringify(pattern.name)} is used twice`)
  if (problems.length > 0) return { ok: false, invalid: { name, problems } }
  const own = patterns.map(({ pattern }) => ({ name: id, pattern }))
  return { ok: true, profile: { ...defined, name, fields, patterns: own } }
}

function parseField(value: unknown, at: string, problems: string[]): readonly MaskedField[] {
  const field = record(value)
  if (field === undefined)
    problems.push(`${at}: must be an object with apiGroups, resources and path`)
  refuseOtherKeys(field, ['apiGroups', 'resources', 'path'], at, problems)
  const apiGroups = texts(field?.['apiGroups'], `${at}.apiGroups`, '"" is the core group', problems)
  const resources = texts(field?.['resources'], `${at}.resources`, 'plural, as in URLs', problems)
  for (const one of resources)
    if (/[^a-z0-9.-]/.test(one))
      problems.push(
        `${at}.resources: ${shown(one)} is no resource; write its plural without a subresource`,
      )
  for (const one of apiGroups)
    if (!GROUP.test(one)) problems.push(`${at}.apiGroups: ${shown(one)} is no API group`)
  const path = parseMaskPath(text(field?.['path']))
  if (path !== undefined && IDENTITY.test(path.join('.')))
    problems.push(`${at}.path: ${path.join('.')} says which object it is, and cannot be hidden`)
  if (path === undefined) {
    problems.push(
      `${at}.path: must be a JSON path without filters, as .spec.cards[*].number or data['tls.key']`,
    )
    return []
  }
  return apiGroups.flatMap((apiGroup) =>
    resources.map((resource) => ({ apiGroup, resource, path })),
  )
}

function parsePattern(value: unknown, at: string, problems: string[]): readonly OwnPattern[] {
  const object = record(value)
  if (object === undefined)
    problems.push(`${at}: must be an object with name, pattern and examples`)
  refuseOtherKeys(object, ['name', 'pattern', 'examples', 'lookAlikes'], at, problems)
  const name = text(object?.['name'])
  if (!PATTERN_NAME.test(name))
    problems.push(`${at}.name: must be lower-case letters, digits and "-", at most 63`)
  const pattern = compile(text(object?.['pattern']), `${at}.pattern`, problems)
  const examples = texts(
    object?.['examples'],
    `${at}.examples`,
    'texts that it must match',
    problems,
  )
  const lookAlikes =
    object?.['lookAlikes'] === undefined
      ? []
      : texts(object['lookAlikes'], `${at}.lookAlikes`, 'texts that it must not match', problems)
  for (const one of [...examples, ...lookAlikes])
    if (one.length > EXAMPLE_CHARACTERS_MAX || one.includes('\n'))
      problems.push(
        `${at}: ${shown(one)} must be one line of at most ${EXAMPLE_CHARACTERS_MAX} characters`,
      )
  if (pattern === undefined) return []
  for (const one of examples)
    if (!pattern.test(one)) problems.push(`${at}.pattern: does not match its example ${shown(one)}`)
  for (const one of lookAlikes)
    if (pattern.test(one)) problems.push(`${at}.pattern: matches ${shown(one)}, which it must not`)
  return [{ name, pattern }]
}

function compile(source: string, at: string, problems: string[]): RE2JS | undefined {
  if (source === '' || source.length > PATTERN_CHARACTERS_MAX) {
    problems.push(
      `${at}: must be a regular expression of at most ${PATTERN_CHARACTERS_MAX} characters`,
    )
    return undefined
  }
  try {
    const pattern = RE2JS.compile(source)
    if (pattern.programSize() > INSTRUCTIONS_MAX)
      problems.push(`${at}: is too large; write smaller numbers of repetitions`)
    else if (pattern.test(''))
      problems.push(`${at}: matches the empty text; write what must be there`)
    else return pattern
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'it cannot be read'
    problems.push(`${at}: is no RE2 (https://github.com/google/re2/wiki/Syntax): ${reason}`)
  }
  return undefined
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 64))
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isRecord ? (value as Readonly<Record<string, unknown>>) : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function list(value: unknown, at: string, most: number, problems: string[]): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length === 0 || value.length > most) {
    problems.push(`${at}: must be a list of 1 to ${most}`)
    return []
  }
  return value
}

function texts(value: unknown, at: string, what: string, problems: string[]): readonly string[] {
  const isList = Array.isArray(value) && value.length > 0 && value.length <= EXAMPLES_MAX
  if (isList && value.every((one) => typeof one === 'string')) return value
  problems.push(`${at}: must be a list of 1 to ${EXAMPLES_MAX} texts (${what})`)
  return []
}

function refuseOtherKeys(
  value: Readonly<Record<string, unknown>> | undefined,
  known: readonly string[],
  at: string,
  problems: string[],
): void {
  for (const key of Object.keys(value ?? {}))
    if (!known.includes(key))
      problems.push(`${at}.${key}: is not known; there are ${known.join(', ')}`)
}
