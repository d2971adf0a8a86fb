import { Fault } from '../fault.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { MaskedField, MaskProfile } from './mask-profile.ts'
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
  /** The name of a built-in mask, or the id of a MaskProfile. */
  readonly mask: string
  readonly form: MaskForm
}

/** A place in objects of one resource. */
export interface MaskedPlace {
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
export function annotations(apiGroup: string, resource: string): readonly MaskedPlace[] {
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

/** Whether a place is in objects that a request is about; a question about every group or resource is about each. */
export function concerns(
  place: Pick<MaskedPlace, 'apiGroup' | 'resource'>,
  { apiGroup, resource }: Pick<RequestAttributes, 'apiGroup' | 'resource'>,
): boolean {
  if (place.apiGroup === '*') return !REVIEW_GROUPS.includes(apiGroup)
  const isGroup = apiGroup === '*' || apiGroup === place.apiGroup
  return isGroup && (resource === '*' || resource === place.resource)
}

/** What the answer to a request is made of, as far as masks can read it. */
export function answerForm({
  resourceRequest,
  apiGroup,
  subresource,
}: RequestAttributes): 'objects' | 'text' | 'unknown' {
  if (!resourceRequest) return 'unknown'
  if (apiGroup !== '' || !OF_PROGRAMS.includes(subresource)) return 'objects'
  return TEXTS.includes(subresource) ? 'text' : 'unknown'
}

/**
 * The masks that have something to hide in the answer to a request, by its group and resource; a question about every
 * resource is about each. Logs and terminals have no objects, but text; other tunnels and proxies have what nobody knows.
 */
export function masksAbout<Name extends string>(
  names: readonly Name[],
  attributes: RequestAttributes,
): readonly Name[] {
  const form = answerForm(attributes)
  if (form === 'unknown') return []
  if (form === 'text') return names.filter((name) => !isOfObjects(name))
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

/** Cells of a Table, alone and in an event of a watch. */
const CELLS: readonly PathPattern[] = [
  ['rows', '*', 'cells', '**'],
  ['object', 'rows', '*', 'cells', '**'],
]

/** Places that were asked for lately, so that each answer need not have them made. */
const KNOWN = new Map<string, PathState<MaskRule> | undefined>()
const KNOWN_MAX = 64

type MaskedResource = Pick<RequestAttributes, 'apiGroup' | 'resource'>
type Placed = readonly [PathPattern, MaskRule]

/**
 * The places of these masks, and of these MaskProfiles, in objects of one resource, wherever such an object stands in an
 * answer.
 */
export function maskedPlaces(
  names: readonly MaskName[],
  { apiGroup, resource }: MaskedResource,
  isFailure: boolean,
  profiles: readonly MaskProfile[] = [],
): PathState<MaskRule> | undefined {
  const own = profiles.map(({ id, patterns }) => [id, patterns.length > 0])
  const id = JSON.stringify([names, own, apiGroup, resource, isFailure])
  if (!KNOWN.has(id)) {
    if (KNOWN.size >= KNOWN_MAX) KNOWN.clear()
    const about = { apiGroup, resource }
    KNOWN.set(id, compilePathRules<MaskRule>(makePlaces(names, profiles, about, isFailure)))
  }
  return KNOWN.get(id)
}

function makePlaces(
  names: readonly MaskName[],
  profiles: readonly MaskProfile[],
  about: MaskedResource,
  isFailure: boolean,
): readonly Placed[] {
  // One look at each text finds what all patterns hide.
  const withTexts = profiles.find(({ patterns }) => patterns.length > 0)
  const texts =
    withTexts === undefined || names.includes('credentials')
      ? []
      : placesOf(withTexts.id, PLACES.credentials, about, isFailure)
  return [
    ...names.flatMap((mask) => placesOf(mask, PLACES[mask], about, isFailure)),
    ...texts,
    ...profiles.flatMap((one) => placesOfFields(one, about, isFailure)),
  ]
}

function placesOf(
  mask: string,
  places: readonly MaskedPlace[],
  about: MaskedResource,
  isFailure: boolean,
): readonly Placed[] {
  const inObjects = places
    .filter((place) => concerns(place, about))
    .flatMap(({ path, form }) =>
      OBJECTS.map((way) => [[...way, ...path], { mask, form }] satisfies Placed),
    )
  // An Event has a message of its own.
  if (about.resource === 'events') return inObjects
  const ways = isFailure ? [[], ['object']] : [['object']]
  const inStatus = ways.flatMap((way) =>
    STATUS_TEXTS.map((path) => [[...way, ...path], { mask, form: 'message' }] satisfies Placed),
  )
  return [...inObjects, ...inStatus]
}

function placesOfFields(
  { id: mask, fields }: MaskProfile,
  about: MaskedResource,
  isFailure: boolean,
): readonly Placed[] {
  const places = fields.filter((field) => concerns(field, about)).map(toPlace)
  if (places.length === 0) return []
  const kept = annotations(about.apiGroup, about.resource)
  // Nothing says which cell shows a field, so that all of them are hidden where a Table comes all the same.
  const cells = CELLS.map((path) => [path, { mask, form: 'text' }] satisfies Placed)
  return [...placesOf(mask, [...places, ...kept], about, isFailure), ...cells]
}

/** A field with all below it: it may be an object or a list. */
function toPlace({ apiGroup, resource, path }: MaskedField): MaskedPlace {
  const isBytes =
    apiGroup === '' &&
    ((resource === 'secrets' && path[0] === 'data') ||
      (resource === 'configmaps' && path[0] === 'binaryData'))
  return { apiGroup, resource, path: [...path, '**'], form: isBytes ? 'base64' : 'text' }
}
