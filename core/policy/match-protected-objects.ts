import {
  judgedVerbs,
  type RequestAttributes,
  resourceWithSubresource,
} from '../kubernetes/request-attributes.ts'
import { PROTECTED_OBJECTS, type ProtectedObjects, type Use } from './protected-objects.ts'

const USES: ReadonlyMap<string, Use> = new Map([
  ['get', 'read'],
  ['list', 'read'],
  ['watch', 'read'],
  ['create', 'create'],
  ['update', 'change'],
  ['patch', 'change'],
  ['delete', 'delete'],
  ['deletecollection', 'delete'],
])

/** Whether a request is about one thing: a question about every one (`*`) is about each of them. */
export function isOrAll(asked: string, one: string): boolean {
  return asked === one || asked === '*'
}

/** What a verb does; one that is not known changes. */
export function useOf(verb: string): Use {
  return USES.get(verb) ?? 'change'
}

/** The protected objects that a request reaches in a way that is kept from chains; empty for most. */
export function protectedObjectsHit(
  request: RequestAttributes,
  namespaceInjected: boolean,
): readonly ProtectedObjects[] {
  if (!request.resourceRequest) return []
  const uses = judgedVerbs(request).map(useOf)
  const ofGroup =
    request.apiGroup === '*' ? PROTECTED_OBJECTS : (BY_GROUP.get(request.apiGroup) ?? EVERY_GROUP)
  return ofGroup.filter(
    (objects) =>
      (objects.onlyOutside !== true || !namespaceInjected) &&
      objects.uses.some((use) => uses.includes(use)) &&
      isOneOf(objects, request),
  )
}

/** Decisions are made by the thousand, so the rows are sorted by their group beforehand. */
const EVERY_GROUP = PROTECTED_OBJECTS.filter(({ apiGroups }) => apiGroups.includes('*'))
const BY_GROUP: ReadonlyMap<string, readonly ProtectedObjects[]> = new Map(
  PROTECTED_OBJECTS.flatMap(({ apiGroups }) => apiGroups).map((group) => [
    group,
    PROTECTED_OBJECTS.filter(
      ({ apiGroups }) => apiGroups.includes(group) || apiGroups.includes('*'),
    ),
  ]),
)

function isOneOf(objects: ProtectedObjects, request: RequestAttributes): boolean {
  const { resources, names, namespaces, uses } = objects
  const { resource, subresource, name, namespace } = request
  const isResource =
    resources.includes('*') ||
    resources.includes(resourceWithSubresource(request)) ||
    (subresource !== '' && resources.includes(`${resource}/*`)) ||
    ([resource, subresource].includes('*') && resources.some((one) => isAskedFor(one, request)))
  // Without a name it reaches all of them. Only a read goes over all namespaces together; a write that
  // names none is one of an object that is in none.
  const everywhere = namespace === '' && uses.includes('read')
  const isNamed = names === undefined || name === '' || names.includes(name)
  const isThere = namespaces === undefined || everywhere || namespaces.includes(namespace)
  return isResource && isNamed && isThere
}

/** Whether a question with a wildcard is about a resource of a row; `*` covers subresources too, as in RBAC. */
function isAskedFor(protectedOne: string, { resource, subresource }: RequestAttributes): boolean {
  const [main = '', sub = ''] = protectedOne.split('/')
  if (!isOrAll(resource, main)) return false
  if (resource === '*' && subresource === '') return true
  return sub === '*' ? subresource !== '' : sub !== '' && isOrAll(subresource, sub)
}
