import { textKey } from '../../core/text-key.ts'
import type { ProspectReply } from '../judgement/authorizer.ts'
import { type AskChain, type Asked, askedPath, askedResource } from './ask-chain.ts'
import { asObject, type JsonObject, textOf, textsOf } from './json-object.ts'

/** Questions of one review: twenty calls of the control plane. */
const QUESTIONS_MAX = 2_000
const EVERYTHING = '*'
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

/** One rule of one thing: what its verbs are asked about, and how it is written without the verbs. */
interface Part {
  readonly verbs: readonly string[]
  readonly ask: (verb: string) => Asked
  readonly rule: JsonObject
}

/**
 * A SelfSubjectRulesReview of which only that is left which the chain may as well. A wildcard stays
 * where the chain may the wildcard itself; of every verb (`*`) the usual ones are left that it may.
 * What cannot be told, or was not asked for there being too much of it, is left out, and the review
 * says that it is incomplete.
 */
export async function narrowRules(review: JsonObject, ask: AskChain): Promise<JsonObject> {
  const status = asObject(review['status'])
  const namespace = textOf(asObject(review['spec'])['namespace'])
  const { asked, kept, tooMany } = choose(partsOf(status, namespace))
  const prospects = await ask([...asked.values()])
  const found = new Map([...asked.keys()].map((key, index) => [key, prospects[index]]))
  const narrowed = kept.map((part) => narrowPart(part, found))
  const rules = narrowed.flatMap(({ rule }) => (rule === undefined ? [] : [rule]))
  const unknown = [...new Set(prospects.map(({ error }) => error))]
  const errors = [textOf(status['evaluationError']), ...unknown].filter((one) => one !== '')
  return {
    ...review,
    status: {
      ...status,
      resourceRules: rules.filter((rule) => 'resources' in rule),
      nonResourceRules: rules.filter((rule) => 'nonResourceURLs' in rule),
      incomplete:
        status['incomplete'] === true || tooMany || narrowed.some(({ incomplete }) => incomplete),
      ...(errors.length === 0 ? {} : { evaluationError: errors.join('; ') }),
    },
  }
}

/** As many parts, in their order, as may be asked about. A rule may name a million things. */
function choose(parts: Iterable<Part>) {
  const asked = new Map<string, Asked>()
  const kept: Part[] = []
  for (const part of parts) {
    const verbs = wanted(part.verbs)
    if (asked.size + verbs.length > QUESTIONS_MAX || kept.length >= QUESTIONS_MAX) {
      return { asked, kept, tooMany: true }
    }
    kept.push(part)
    for (const question of verbs.map(part.ask)) asked.set(keyOf(question), question)
  }
  return { asked, kept, tooMany: false }
}

function narrowPart(part: Part, found: ReadonlyMap<string, ProspectReply | undefined>) {
  const prospectOf = (verb: string) => found.get(keyOf(part.ask(verb)))
  const may = wanted(part.verbs).filter((verb) => prospectOf(verb)?.allowed === true)
  const verbs = may.includes(EVERYTHING) ? part.verbs.filter((verb) => may.includes(verb)) : may
  const whole = part.verbs.every((verb) => verbs.includes(verb))
  const unknown = wanted(part.verbs).some((verb) => prospectOf(verb)?.error !== '')
  // Of a wildcard the chain may have a part that nobody asked about.
  const incomplete = unknown || (isWild(part) && !whole)
  return { rule: verbs.length === 0 ? undefined : { verbs, ...part.rule }, incomplete }
}

function wanted(verbs: readonly string[]): readonly string[] {
  return verbs.includes(EVERYTHING) ? [...new Set([...verbs, ...VERBS])] : verbs
}

function isWild({ rule, verbs }: Part): boolean {
  const texts = [...verbs, ...Object.values(rule).flatMap(textsOf)]
  return texts.some((text) => text.includes(EVERYTHING))
}

function* partsOf(status: JsonObject, namespace: string): Generator<Part> {
  for (const rule of listOf(status['resourceRules'])) yield* resourceParts(rule, namespace)
  for (const rule of listOf(status['nonResourceRules'])) yield* urlParts(rule)
}

function* resourceParts(rule: JsonObject, namespace: string): Generator<Part> {
  const verbs = textsOf(rule['verbs'])
  const named = textsOf(rule['resourceNames'])
  for (const apiGroup of textsOf(rule['apiGroups'])) {
    for (const resource of textsOf(rule['resources'])) {
      for (const name of named.length === 0 ? [''] : named) {
        const where = { apiGroup, apiVersion: '', namespace, name }
        const names = named.length === 0 ? {} : { resourceNames: [name] }
        yield {
          verbs,
          ask: (verb) => askedResource({ ...where, verb }, resource),
          rule: { apiGroups: [apiGroup], resources: [resource], ...names },
        }
      }
    }
  }
}

function* urlParts(rule: JsonObject): Generator<Part> {
  const verbs = textsOf(rule['verbs'])
  for (const url of textsOf(rule['nonResourceURLs'])) {
    yield { verbs, ask: (verb) => askedPath(verb, url), rule: { nonResourceURLs: [url] } }
  }
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}

function keyOf(asked: Asked): string {
  return textKey(Object.values(asked).map(String))
}
