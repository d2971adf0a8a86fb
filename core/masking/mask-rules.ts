import { Fault } from '../fault.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { compilePathRules, type PathPattern, type PathState } from './path-rules.ts'

/** What a policy can hide by name. */
export type MaskName = 'secret-values' | 'env-values' | 'config-values' | 'credentials'

export const MASK_NAMES: readonly MaskName[] = [
  ...(['secret-values', 'env-values', 'config-values', 'credentials'] as const),
]

/** Whether a text that was read names a mask. */
export function isMaskName(text: string): text is MaskName {
  return (MASK_NAMES as readonly string[]).includes(text)
}

/** Reads names that stand with commas between them. Throws `config_invalid` for one that names no mask. */
export function parseMaskNames(text: string): readonly MaskName[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = names.find((name) => !isMaskName(name))
  if (unknown === undefined) return [...new Set(names.filter(isMaskName))].sort()
  const shown = JSON.stringify(unknown.slice(0, 64))
  throw new Fault(
    'config_invalid',
    `no mask is called ${shown}; there are ${MASK_NAMES.join(', ')}`,
  )
}

/** How a value is hidden, or what it is good for. */
export type MaskForm =
  /** Text; its token stands in its place. */
  | 'text'
  /** Bytes in base64; so is its token. */
  | 'base64'
  /** An object as text, in which the same places are hidden. */
  | 'object'
  /** Hidden only when it is a file of credentials: a kubeconfig, or a Docker configuration. */
  | 'file'
  | 'base64 file'
  /** The name of a variable, which says whether its value is hidden. */
  | 'variable'
  | 'value of a variable'
  /** Words of the API server for people, which may quote values. */
  | 'message'
  /** Text in which credentials are hidden wherever they stand. */
  | 'credentials'
  | 'credentials in base64'

export interface MaskRule {
  readonly mask: MaskName
  readonly form: MaskForm
}

interface MaskedPlace {
  readonly apiGroup: string
  /** `*` for every one. */
  readonly resource: string
  readonly path: PathPattern
  readonly form: MaskForm
}

const LAST_APPLIED = [
  'kubectl.kubernetes.io/last-applied-configuration',
  // Source: kapp, pkg/kapp/diff/object_with_history.go.
  'kapp.k14s.io/original',
]
/** Compressed, so that nothing in them can be told apart. Sources: rancher/wrangler pkg/objectset; banzaicloud/k8s-objectmatcher. */
const PACKED = ['objectset.rio.cattle.io/applied', 'banzaicloud.com/last-applied']

/** The objects that tools keep in the annotations of one. */
function annotations(apiGroup: string, resource: string): readonly MaskedPlace[] {
  const at = (name: string) => ['metadata', 'annotations', name]
  return [
    ...LAST_APPLIED.map((name) => ({
      ...{ apiGroup, resource, path: at(name), form: 'object' as const },
    })),
    ...PACKED.map((name) => ({ apiGroup, resource, path: at(name), form: 'text' as const })),
  ]
}

const SECRETS = { apiGroup: '', resource: 'secrets' }
const MAPS = { apiGroup: '', resource: 'configmaps' }

/** The places of each mask, as Kubernetes v1.34 has them in api/core/v1/types.go and api/authentication/v1/types.go. */
const PLACES: Readonly<Record<MaskName, readonly MaskedPlace[]>> = {
  'secret-values': [
    { ...SECRETS, path: ['data', '**'], form: 'base64' },
    { ...SECRETS, path: ['stringData', '**'], form: 'text' },
    ...annotations('', 'secrets'),
    // Helm keeps releases, values included, in ConfigMaps where it is told to (helm.sh/helm/v3/pkg/storage/driver).
    { ...MAPS, path: ['data', 'release'], form: 'text' },
    { ...MAPS, path: ['binaryData', 'release'], form: 'base64' },
    { ...MAPS, path: ['data', '*'], form: 'file' },
    { ...MAPS, path: ['binaryData', '*'], form: 'base64 file' },
    ...annotations('', 'configmaps'),
    { apiGroup: '', resource: 'serviceaccounts', path: ['status', 'token'], form: 'text' },
    {
      ...{ apiGroup: 'authentication.k8s.io', resource: 'tokenreviews' },
      ...{ path: ['spec', 'token'], form: 'text' },
    },
  ],
  'config-values': [
    { ...MAPS, path: ['data', '**'], form: 'text' },
    { ...MAPS, path: ['binaryData', '**'], form: 'base64' },
    ...annotations('', 'configmaps'),
  ],
  // Pods, what makes pods, ControllerRevisions, and pod templates within objects of any other API.
  'env-values': [
    { apiGroup: '*', resource: '*', path: ['**', 'env', '*', 'name'], form: 'variable' },
    {
      ...{ apiGroup: '*', resource: '*' },
      ...{ path: ['**', 'env', '*', 'value'], form: 'value of a variable' },
    },
    ...annotations('*', '*'),
  ],
  credentials: [
    { apiGroup: '*', resource: '*', path: ['**'], form: 'credentials' },
    { ...SECRETS, path: ['data', '*'], form: 'credentials in base64' },
    { ...MAPS, path: ['binaryData', '*'], form: 'credentials in base64' },
  ],
}

/** Reviews have no containers, and their answers are narrowed by other means. */
const REVIEW_GROUPS = ['authorization.k8s.io', 'authentication.k8s.io']
/** What these answer with is what a program says, not an object. */
const OF_PROGRAMS = ['exec', 'attach', 'portforward', 'proxy', 'log']
/** Of these, the ones that answer with text. */
const TEXTS = ['exec', 'attach', 'log']

function concerns(
  place: MaskedPlace,
  { apiGroup, resource }: Pick<RequestAttributes, 'apiGroup' | 'resource'>,
): boolean {
  if (place.apiGroup === '*') return !REVIEW_GROUPS.includes(apiGroup)
  const isGroup = apiGroup === '*' || apiGroup === place.apiGroup
  return isGroup && (resource === '*' || resource === place.resource)
}

/**
 * The masks that have something to hide in the answer to a request, by its group and resource; a question about every
 * resource is about each. Logs and terminals have no objects, but text; other tunnels and proxies have what nobody knows.
 */
export function masksAbout<Name extends string>(
  names: readonly Name[],
  attributes: RequestAttributes,
): readonly Name[] {
  const { resourceRequest, apiGroup, subresource } = attributes
  if (!resourceRequest) return []
  if (apiGroup === '' && OF_PROGRAMS.includes(subresource)) {
    return names.filter((name) => TEXTS.includes(subresource) && !isOfObjects(name))
  }
  return names.filter((name) =>
    // An unknown one may hide anything: whoever has to carry it out refuses.
    isMaskName(name) ? PLACES[name].some((place) => concerns(place, attributes)) : true,
  )
}

function isOfObjects(name: string): boolean {
  return isMaskName(name) && name !== 'credentials'
}

/** Where an object stands in an answer: alone, in a List, in a Table, in an event of a watch, in a Table of such an event. */
const OBJECTS: readonly PathPattern[] = [
  [],
  ['items', '*'],
  ['rows', '*', 'object'],
  ['object'],
  ['object', 'items', '*'],
  ['object', 'rows', '*', 'object'],
]
/** Where a Status has texts: of an answer that is one, and of an event of a watch that is one. */
const STATUS_TEXTS: readonly PathPattern[] = [['message'], ['details', 'causes', '*', 'message']]

/** Places that were asked for lately, so that each answer need not have them made. */
const KNOWN = new Map<string, PathState<MaskRule> | undefined>()
const KNOWN_MAX = 64

type MaskedResource = Pick<RequestAttributes, 'apiGroup' | 'resource'>

/** The places of these masks in objects of one resource, wherever such an object stands in an answer. */
export function maskedPlaces(
  names: readonly MaskName[],
  { apiGroup, resource }: MaskedResource,
  isFailure: boolean,
): PathState<MaskRule> | undefined {
  const id = JSON.stringify([names, apiGroup, resource, isFailure])
  if (!KNOWN.has(id)) {
    if (KNOWN.size >= KNOWN_MAX) KNOWN.clear()
    KNOWN.set(id, makePlaces(names, { apiGroup, resource }, isFailure))
  }
  return KNOWN.get(id)
}

function makePlaces(
  names: readonly MaskName[],
  attributes: MaskedResource,
  isFailure: boolean,
): PathState<MaskRule> | undefined {
  const patterns = names.flatMap((mask) => {
    const places = PLACES[mask].filter((place) => concerns(place, attributes))
    const inObjects = places.flatMap(({ path, form }) =>
      OBJECTS.map((way) => [[...way, ...path], { mask, form }] as const),
    )
    // An Event has a message of its own.
    if (attributes.resource === 'events') return inObjects
    const ways = isFailure ? [[], ['object']] : [['object']]
    const inStatus = ways.flatMap((way) =>
      STATUS_TEXTS.map((path) => [[...way, ...path], { mask, form: 'message' as const }] as const),
    )
    return [...inObjects, ...inStatus]
  })
  return compilePathRules<MaskRule>(patterns)
}
