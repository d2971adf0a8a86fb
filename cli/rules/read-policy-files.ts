import { parseAllDocuments } from 'yaml'
import { NO_SCRIPTS } from '../../core/commands/script.ts'
import { Fault } from '../../core/fault.ts'
import type { ParsedLimit } from '../../core/policy/access-limit.ts'
import { limitTitle } from '../../core/policy/access-limit.ts'
import type { PolicyRule } from '../../core/policy/access-policy.ts'
import { parseAccessCeiling, parseNarrowingPolicy } from '../../core/policy/parse-access-limit.ts'
import { type ParsedPolicy, parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import type { MaskProfileLookup } from '../../core/policy/parse-masks.ts'
import type { PolicySet } from '../../core/policy/simulate.ts'
import { readFileOrStdin } from '../arguments/read-file.ts'
import { findMaskProfiles } from './find-mask-profiles.ts'

/** One object that says what is allowed, with where it was written. */
export interface WrittenPolicy {
  /** Such as `AccessPolicy alice-agents`. */
  readonly title: string
  readonly file: string
  /** Empty for one that can be used. */
  readonly problems: readonly string[]
  /** Empty for one that cannot. */
  readonly rules: readonly PolicyRule[]
}

/** What files hold. */
export interface PolicyFiles extends PolicySet {
  readonly written: readonly WrittenPolicy[]
  /** Objects of other kinds, in their order. */
  readonly others: readonly { readonly file: string; readonly object: unknown }[]
}

/**
 * Reads YAML or JSON files, or stdin for `-`, with any number of documents. Scripts in `commands` are not read here, so
 * their examples are not checked. MaskProfiles that policies name must be in the files too. Throws `config_invalid` for a file that cannot be read.
 */
export async function readPolicyFiles(files: readonly string[]): Promise<PolicyFiles> {
  const documents: { readonly file: string; readonly object: unknown }[] = []
  for (const file of files) {
    for (const object of await readDocuments(file)) documents.push({ file, object })
  }
  const profileOf = findMaskProfiles(documents.map(({ object }) => object))
  const found = documents.map(({ file, object }) => toPolicyFiles(file, object, profileOf))
  return {
    policies: found.flatMap(({ policies }) => policies),
    limits: found.flatMap(({ limits }) => limits),
    written: found.flatMap(({ written }) => written),
    others: found.flatMap(({ others }) => others),
  }
}

/** As `readPolicyFiles`; throws `config_invalid` where a policy is not valid, or there is none. */
export async function readValidPolicies(files: readonly string[]): Promise<PolicyFiles> {
  const found = await readPolicyFiles(files)
  const broken = found.written.find(({ problems }) => problems.length > 0)
  if (broken !== undefined) {
    throw new Fault(
      'config_invalid',
      `${broken.file}: ${broken.title} is not valid: ${broken.problems.join('; ')}`,
    )
  }
  if (found.written.length > 0) return found
  throw new Fault(
    'config_invalid',
    `${files.join(', ')}: there is no AccessPolicy, AccessCeiling or NarrowingPolicy in it`,
  )
}

async function readDocuments(file: string): Promise<readonly unknown[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readFileOrStdin(file)) chunks.push(chunk)
  const documents = parseAllDocuments(Buffer.concat(chunks).toString())
  const broken = [...documents].flatMap(({ errors }) => errors)[0]
  if (broken !== undefined) {
    throw new Fault('config_invalid', `${file} is not YAML: ${broken.message.split('\n')[0] ?? ''}`)
  }
  const objects = [...documents].map((document) => document.toJS() as unknown)
  return objects.filter((object) => object !== null && object !== undefined).flatMap(itemsOf)
}

/** `kubectl get -o yaml` makes a List. */
function itemsOf(object: unknown): readonly unknown[] {
  const { kind, items } = object as { kind?: unknown; items?: unknown }
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
    ? items
    : [object]
}

function toPolicyFiles(file: string, object: unknown, profileOf: MaskProfileLookup): PolicyFiles {
  const nothing = { policies: [], limits: [], written: [], others: [] }
  switch ((object as { kind?: unknown }).kind) {
    case 'AccessPolicy': {
      const parsed = parseAccessPolicy(object, NO_SCRIPTS, profileOf)
      return { ...nothing, policies: [parsed], written: [ofPolicy(file, parsed)] }
    }
    case 'AccessCeiling': {
      const parsed = parseAccessCeiling(object)
      return { ...nothing, limits: [parsed], written: [ofLimit(file, parsed)] }
    }
    case 'NarrowingPolicy': {
      const parsed = parseNarrowingPolicy(object)
      return { ...nothing, limits: [parsed], written: [ofLimit(file, parsed)] }
    }
    case 'MaskProfile':
      return nothing
    default:
      return { ...nothing, others: [{ file, object }] }
  }
}

function ofPolicy(file: string, parsed: ParsedPolicy): WrittenPolicy {
  return parsed.ok
    ? {
        title: `AccessPolicy ${parsed.policy.name}`,
        file,
        problems: [],
        rules: parsed.policy.rules,
      }
    : {
        title: `AccessPolicy ${parsed.invalid.name}`,
        file,
        problems: parsed.invalid.problems,
        rules: [],
      }
}

function ofLimit(file: string, parsed: ParsedLimit): WrittenPolicy {
  return parsed.ok
    ? { title: limitTitle(parsed.limit), file, problems: [], rules: parsed.limit.rules }
    : { title: limitTitle(parsed.invalid), file, problems: parsed.invalid.problems, rules: [] }
}
