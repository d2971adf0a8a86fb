import type { AccessLimit } from '../access-limit.ts'
import type { AccessPolicy, Subject } from '../access-policy.ts'
import { type Box, toBox } from './box.ts'
import { allowedBoxes, refusedBoxes } from './policy-region.ts'
import { commonRegion, type Region, regionWithout, unionOfRegions } from './region.ts'
import { ALL_TEXTS, onlyTexts, textsWithout } from './text-set.ts'

const YES = onlyTexts(['yes'])
const NOT_YES = textsWithout(ALL_TEXTS, YES)

/** The dimension that says whether somebody is named by a subject: `yes`, or any other text. */
export function subjectDimension({ kind, namespace, name }: Subject): string {
  return `subject ${kind} ${namespace === '' ? name : `${namespace}/${name}`}`
}

/**
 * What policies and limits together let pass, for everybody in one region: to the dimensions of `policyRegion` come
 * one for each subject, since a person may be named by any of them together, and `rbac`, which decides (`allows`) for
 * whom no policy names. All policies and limits must be valid.
 */
export function setRegion(
  policies: readonly AccessPolicy[],
  limits: readonly AccessLimit[],
): Region {
  const allowed = policies.flatMap((policy) => forSubjects(policy, allowedBoxes))
  const refused = policies.flatMap((policy) => forSubjects(policy, refusedBoxes))
  const unnamed = unnamedRegion(policies.flatMap(({ subjects }) => subjects))
  const byPolicies = unionOfRegions(
    regionWithout(unionOfRegions(allowed), unionOfRegions(refused)),
    unnamed,
  )
  return limits.reduce(withLimit, byPolicies)
}

function forSubjects(
  { subjects, rules }: AccessPolicy,
  boxesOf: (rule: AccessPolicy['rules'][number]) => Region,
): Region {
  return commonRegion(unionOfRegions(rules.flatMap(boxesOf)), namedRegion(subjects))
}

function namedRegion(subjects: readonly Subject[]): Region {
  return subjects.map((subject): Box => new Map([[subjectDimension(subject), YES]]))
}

function unnamedRegion(subjects: readonly Subject[]): Region {
  const nobody = Object.fromEntries(subjects.map((one) => [subjectDimension(one), NOT_YES]))
  const box = toBox({ ...nobody, rbac: onlyTexts(['allows']), guard: onlyTexts(['none']) })
  return box === undefined ? [] : [box]
}

/** Whom a limit does not name, it does not hold for. */
function withLimit(region: Region, limit: AccessLimit): Region {
  const { subjects, rules, kind } = limit
  const held = subjects === undefined ? [new Map()] : namedRegion(subjects)
  const refused = rules.flatMap(refusedBoxes)
  const reached = kind === 'AccessCeiling' ? refused : commonRegion(refused, ownRegion(limit))
  const rest = regionWithout(region, commonRegion(unionOfRegions(reached), held))
  if (kind !== 'AccessCeiling') return rest
  // A ceiling lifts no guard, and keeps none from being lifted.
  const allowed = rules.flatMap(allowedBoxes).map((box) => {
    const others = new Map(box)
    others.delete('guard')
    return others
  })
  const free = regionWithout([new Map()], held)
  return commonRegion(rest, unionOfRegions(allowed, free))
}

/** Of which requests a narrowing has a say. */
function ownRegion({ namespace }: AccessLimit): Region {
  const boxes = [
    toBox({ namespace: onlyTexts([namespace]) }),
    toBox({ namespace: onlyTexts(['']), verb: onlyTexts(['list', 'watch']) }),
  ]
  return boxes.filter((box) => box !== undefined)
}
