import { isMaskName, MASK_NAMES, type MaskName, masksAbout } from '../masking/mask-rules.ts'
import type { ParsedMaskProfile } from '../masking/parse-mask-profile.ts'
import { profilesAbout } from '../masking/profiles-about.ts'

const NAMES = MASK_NAMES.join(', ')

/** The MaskProfile of a name as it was read; undefined when there is none. */
export type MaskProfileLookup = (name: string) => ParsedMaskProfile | undefined

/**
 * Reads the `mask` of a rule: names of built-in masks, and of MaskProfiles, which become their ids. What is wrong goes to
 * `problems`, each beginning with `at`.
 */
export function parseMasks(
  rule: Readonly<Record<string, unknown>>,
  at: string,
  problems: string[],
  profileOf: MaskProfileLookup,
): readonly string[] {
  const { mask, effect } = rule
  if (mask === undefined) return []
  if (effect === 'Deny') problems.push(`${at}: only an Allow can mask; a Deny shows nothing`)
  if (!Array.isArray(mask) || mask.length === 0) {
    problems.push(`${at}: must be a list with at least one of ${NAMES}, or of a MaskProfile`)
    return []
  }
  const found = new Set<string>()
  for (const name of mask as readonly unknown[]) {
    const read = typeof name === 'string' ? parseMask(name, rule, profileOf) : unknownMask(name)
    if ('id' in read) found.add(read.id)
    else problems.push(`${at}: ${read.problem}`)
  }
  return [...found].sort()
}

/** Whether a policy names masks that are not built in, so that what it says depends on MaskProfiles. */
export function namesMaskProfile(policy: unknown): boolean {
  const rules = list(record(record(policy)['spec'])['rules'])
  return rules
    .flatMap((rule) => list(record(rule)['mask']))
    .some((name) => typeof name === 'string' && !isMaskName(name))
}

type ReadMask = { readonly id: string } | { readonly problem: string }

function parseMask(
  name: string,
  rule: Readonly<Record<string, unknown>>,
  profileOf: MaskProfileLookup,
): ReadMask {
  if (isMaskName(name)) {
    return hidesSomething(rule, (attributes) => masksAbout([name], attributes).length > 0)
      ? { id: name }
      : { problem: `${name} hides nothing in what the rule names; name ${USUAL[name]}` }
  }
  const parsed = profileOf(name)
  if (parsed === undefined) return unknownMask(name)
  if (!parsed.ok)
    return {
      problem: `the MaskProfile ${name} is not valid: ${parsed.invalid.problems.join('; ')}`,
    }
  const { profile } = parsed
  return hidesSomething(rule, (attributes) => profilesAbout([profile], attributes).length > 0)
    ? { id: profile.id }
    : {
        problem: `${profile.name} hides nothing in what the rule names; name resources of its fields`,
      }
}

function unknownMask(name: unknown): ReadMask {
  const shown = JSON.stringify(name)
  return {
    problem: `no mask is called ${shown}; there are ${NAMES}, and no MaskProfile of that name`,
  }
}

const USUAL: Readonly<Record<MaskName, string>> = {
  'secret-values': 'secrets or configmaps of the group ""',
  'config-values': 'configmaps of the group ""',
  credentials: 'resources that are shown, pods/log or pods/exec',
  'env-values': 'pods, deployments or others with containers',
}

type About = Parameters<typeof masksAbout>[1]

/** Whether an answer about one of the resources of a rule has anything to hide. */
function hidesSomething(
  rule: Readonly<Record<string, unknown>>,
  hides: (attributes: About) => boolean,
): boolean {
  return texts(rule['apiGroups']).some((apiGroup) =>
    texts(rule['resources']).some((pattern) => {
      const [resource = '', subresource = ''] = pattern.split('/')
      return hides({ ...ANY, apiGroup, resource, subresource })
    }),
  )
}

const ANY = {
  ...{ verb: 'get', resourceRequest: true, apiVersion: '', namespace: '', name: '', path: '' },
  alsoVerbs: [],
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === 'string')
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
