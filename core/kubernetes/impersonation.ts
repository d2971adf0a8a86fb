import { isDnsLabel, isDnsSubdomain } from './dns-names.ts'
import type { RequestAttributes } from './request-attributes.ts'
import { serviceAccountUser, type UserInfo } from './user-info.ts'

/** What the `Impersonate-*` headers of one request say. */
export interface Impersonation {
  /** As written: groups that kube-apiserver adds by itself are not among them. */
  readonly user: UserInfo
  /**
   * Why the headers cannot be judged; empty when they can. Nobody may carry them on then, whatever a
   * policy lifts.
   */
  readonly problem: string
}

/** Each user, group and value costs a review for every principal of the chain. */
export const IMPERSONATED_MAX = 64
/** Longest text of one header, and of all together: they go on record. */
const VALUE_CHARACTERS_MAX = 1_024
const TOTAL_CHARACTERS_MAX = 8_192

/** The verb by which kube-apiserver asks whether somebody may act as another. */
export const IMPERSONATE = 'impersonate'

/**
 * What is impersonated, by API group; constrained impersonation has all of it in the second.
 * Sources: apiserver/pkg/endpoints/filters/impersonation.go (v1.34), impersonation/mode.go (v1.37).
 */
const IMPERSONATED: ReadonlyMap<string, readonly string[]> = new Map([
  ['', ['users', 'groups', 'serviceaccounts']],
  ['authentication.k8s.io', ['userextras', 'uids', 'users', 'groups', 'serviceaccounts', 'nodes']],
])

/** Whether a question about every verb (`*`) of a resource is one about impersonation as well. */
export function isImpersonable({
  apiGroup,
  resource,
}: Pick<RequestAttributes, 'apiGroup' | 'resource'>): boolean {
  const resources =
    apiGroup === '*' ? [...IMPERSONATED.values()].flat() : (IMPERSONATED.get(apiGroup) ?? [])
  return resource === '*' ? resources.length > 0 : resources.includes(resource)
}

/**
 * From v1.36 on, kube-apiserver may add the group system:nodes to a node of which only the name is given:
 * where the pod's service account has the verbs of constrained impersonation, which nobody else can tell.
 * Source: Kubernetes apiserver/pkg/endpoints/filters/impersonation/mode.go (v1.37).
 */
const NODE = /^system:node:[a-z0-9]/
const BARE_NODE =
  'versions of kube-apiserver differ in the groups of a node: name them (Impersonate-Group: system:nodes; kubectl: --as-group=system:nodes)'

const PREFIX = 'impersonate-'
const EXTRA_PREFIX = 'impersonate-extra-'

/** Whether a header speaks of impersonation, to kube-apiserver or to whoever takes "_" for "-". */
export function isImpersonationHeader(name: string): boolean {
  return name.toLowerCase().replaceAll('_', '-').startsWith(PREFIX)
}

/**
 * Reads the `Impersonate-*` headers; `rawHeaders` are names and values in turn, values as Latin-1.
 * Undefined when there are none. Never throws: what kube-apiserver refuses, ignores, or a later one
 * may read otherwise is a `problem`.
 *
 * Keep in step with Kubernetes apiserver/pkg/endpoints/filters: impersonation.go (v1.34,
 * buildImpersonationRequests) and impersonation/constrained_impersonation.go (v1.37,
 * processImpersonationHeaders), which read the same headers.
 */
export function parseImpersonation(rawHeaders: readonly string[]): Impersonation | undefined {
  const reader = new HeaderReader()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (isImpersonationHeader(name)) reader.read(name.toLowerCase(), rawHeaders[index + 1] ?? '')
  }
  return reader.result()
}

class HeaderReader {
  #seen = false
  #username = ''
  #uid = ''
  readonly #groups: string[] = []
  readonly #extra = new Map<string, string[]>()
  #count = 0
  #characters = 0
  #problem = ''

  read(name: string, bytes: string): void {
    this.#seen = true
    this.#count += 1
    const value = fromUtf8(bytes)
    this.#characters += name.length + (value?.length ?? 0)
    if (value === undefined) this.#fail(`the value of ${name.slice(0, 64)} is not UTF-8`)
    else if (value === '') this.#fail(`${name.slice(0, 64)} has no value`)
    else if (this.#count > IMPERSONATED_MAX) {
      this.#fail(`there are more than ${IMPERSONATED_MAX} Impersonate-* headers`)
    } else if (value.length > VALUE_CHARACTERS_MAX || this.#characters > TOTAL_CHARACTERS_MAX) {
      this.#fail('the Impersonate-* headers are too long')
    } else this.#parseOne(name, value)
  }

  #parseOne(name: string, value: string): void {
    if (name === 'impersonate-user') this.#parseUser(value)
    else if (name === 'impersonate-uid') this.#parseUid(value)
    else if (name === 'impersonate-group') this.#groups.push(value)
    else if (name.startsWith(EXTRA_PREFIX)) this.#parseExtra(name, value)
    else this.#fail(`${name.slice(0, 64)} is not known`)
  }

  result(): Impersonation | undefined {
    if (!this.#seen) return undefined
    if (this.#username === '') this.#fail('no Impersonate-User says who')
    if (this.#isBareNode()) this.#fail(BARE_NODE)
    return {
      user: {
        username: this.#username,
        uid: this.#uid,
        groups: this.#groups,
        extra: Object.fromEntries(this.#extra),
      },
      problem: this.#problem,
    }
  }

  // kube-apiserver reads the first of several; another reader may read the last.
  #parseUser(value: string): void {
    if (this.#username !== '' && this.#username !== value) this.#fail('two users are named')
    else this.#username = value
  }

  #parseUid(value: string): void {
    if (this.#uid !== '' && this.#uid !== value) this.#fail('two UIDs are named')
    else this.#uid = value
  }

  #parseExtra(name: string, value: string): void {
    const key = unescapeKey(name.slice(EXTRA_PREFIX.length))
    if (key === undefined || key === '') this.#fail('a key of extra is not UTF-8, or empty')
    else this.#extra.set(key, [...(this.#extra.get(key) ?? []), value])
  }

  #isBareNode(): boolean {
    const others = this.#groups.length + this.#extra.size
    return NODE.test(this.#username) && others === 0 && this.#uid === ''
  }

  #fail(problem: string): void {
    if (this.#problem === '') this.#problem = problem
  }
}

/** As Go's url.PathUnescape, which leaves a key with a broken escape as it is. */
function unescapeKey(key: string): string | undefined {
  if (/%(?![0-9a-f]{2})/.test(key)) return key
  try {
    return decodeURIComponent(key)
  } catch {
    // Converted: its bytes are no text, so no policy and no review could name it.
    return undefined
  }
}

/** Header values reach us as Latin-1, and kube-apiserver takes their bytes for UTF-8. */
function fromUtf8(latin1: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(latin1, 'latin1'),
    )
  } catch {
    // Converted: the caller refuses it.
    return undefined
  }
}

const AUTHENTICATED = 'system:authenticated'
const UNAUTHENTICATED = 'system:unauthenticated'
const ANONYMOUS = 'system:anonymous'

/**
 * The user that kube-apiserver makes of it, with the groups that it adds.
 * Source: Kubernetes apiserver/pkg/endpoints/filters/impersonation.go (v1.34, WithImpersonation).
 */
export function impersonatedUser({ user }: Pick<Impersonation, 'user'>): UserInfo {
  const account = splitServiceAccount(user.username)
  const groups =
    account !== undefined && user.groups.length === 0
      ? serviceAccountUser(account.namespace, account.name).groups
      : user.groups
  const added = user.username === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED
  const stops = user.username === ANONYMOUS ? [added] : [AUTHENTICATED, UNAUTHENTICATED]
  return groups.some((group) => stops.includes(group))
    ? { ...user, groups }
    : { ...user, groups: [...groups, added] }
}

/**
 * Everything that whoever impersonates must be allowed, as kube-apiserver's authorizer is asked. From v1.36
 * on it also lets those impersonate who have the narrower verbs of constrained impersonation
 * (`impersonate:user-info` with `impersonate-on:user-info:get`, and their like). A chain needs `impersonate`
 * all the same: the narrower verbs are of one account and one verb, and a policy's rule could not say so.
 */
export function impersonationAttributes({
  user,
}: Pick<Impersonation, 'user'>): readonly RequestAttributes[] {
  const account = splitServiceAccount(user.username)
  const who =
    account === undefined
      ? impersonate({ resource: 'users', name: user.username })
      : impersonate({ resource: 'serviceaccounts', ...account })
  const authentication = { apiGroup: 'authentication.k8s.io', apiVersion: 'v1' }
  return [
    who,
    ...user.groups.map((name) => impersonate({ resource: 'groups', name })),
    ...Object.entries(user.extra).flatMap(([subresource, values]) =>
      values.map((name) =>
        impersonate({ ...authentication, resource: 'userextras', subresource, name }),
      ),
    ),
    ...(user.uid === ''
      ? []
      : [impersonate({ ...authentication, resource: 'uids', name: user.uid })]),
  ]
}

function impersonate(
  parts: Pick<RequestAttributes, 'resource'> & Partial<RequestAttributes>,
): RequestAttributes {
  return {
    verb: IMPERSONATE,
    resourceRequest: true,
    apiGroup: '',
    apiVersion: '',
    subresource: '',
    namespace: '',
    name: '',
    path: '',
    alsoVerbs: [],
    ...parts,
  }
}

/**
 * Whether a verb is one that lets somebody impersonate: `impersonate`, and those of constrained
 * impersonation, such as `impersonate:user-info` and `impersonate-on:user-info:list` (v1.37).
 */
export function isImpersonationVerb(verb: string): boolean {
  return /^impersonate(?:$|:|-on:)/.test(verb)
}

/**
 * The service account that a user name is; undefined for every other, which is judged as a user.
 * Source: Kubernetes apiserver/pkg/authentication/serviceaccount/util.go (v1.34, SplitUsername).
 */
function splitServiceAccount(
  username: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const [system, kind, namespace = '', name = '', ...rest] = username.split(':')
  if (system !== 'system' || kind !== 'serviceaccount' || rest.length > 0) return undefined
  return isDnsLabel(namespace) && isDnsSubdomain(name) ? { namespace, name } : undefined
}
