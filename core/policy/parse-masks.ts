import { isMaskName, MASK_NAMES, type MaskName, masksAbout } from '../masking/mask-rules.ts'

const NAMES = MASK_NAMES.join(', ')

/** Reads the `mask` of a rule; what is wrong with it goes to `problems`, each beginning with `at`. */
export function parseMasks(
  rule: Readonly<Record<string, unknown>>,
  at: string,
  problems: string[],
): readonly MaskName[] {
  const { mask, effect } = rule
  if (mask === undefined) return []
  if (effect === 'Deny') problems.push(`${at}: only an Allow can mask; a Deny shows nothing`)
  if (!Array.isArray(mask) || mask.length === 0) {
    problems.push(`${at}: must be a list with at least one of ${NAMES}`)
    return []
  }
  const found = new Set<MaskName>()
  for (const name of mask as readonly unknown[]) {
    if (typeof name === 'string' && isMaskName(name)) {
      found.add(name)
      if (!hidesSomething(name, rule))
        problems.push(`${at}: ${name} hides nothing in what the rule names; name ${USUAL[name]}`)
    } else problems.push(`${at}: no mask is called ${JSON.stringify(name)}; there are ${NAMES}`)
  }
  return [...found].sort()
}

const USUAL: Readonly<Record<MaskName, string>> = {
  'secret-values': 'secrets or configmaps of the group ""',
  'config-values': 'configmaps of the group ""',
  credentials: 'resources that are shown, pods/log or pods/exec',
  'env-values': 'pods, deployments or others with containers',
}

/** Whether an answer about one of the resources of a rule has anything that the mask hides. */
function hidesSomething(name: MaskName, rule: Readonly<Record<string, unknown>>): boolean {
  return texts(rule['apiGroups']).some((apiGroup) =>
    texts(rule['resources']).some((pattern) => {
      const [resource = '', subresource = ''] = pattern.split('/')
      return masksAbout([name], { ...ANY, apiGroup, resource, subresource }).length > 0
    }),
  )
}

const ANY = {
  ...{ verb: 'get', resourceRequest: true, apiVersion: '', namespace: '', name: '', path: '' },
  alsoVerbs: [],
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
