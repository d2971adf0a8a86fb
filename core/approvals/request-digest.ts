import { createHash } from 'node:crypto'
import { type CanonicalValue, canonicalJson } from '../canonical-json.ts'
import type { DelegationChain } from '../chain.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import type { HeldRequest, HeldRule } from './access-request.ts'
import type { ApprovalScope } from './approval.ts'

/** Names the form of the text, so that no text of another form can be taken for it. */
const FORM = 'lanyard.dev/held-request/v1'

/**
 * The RFC 8785 text of what is approved: for whom, through which pods, by which rules, and every byte of what will be
 * sent, the body by its digest. Two requests with the same text have the same effect.
 */
export function canonicalRequest(held: HeldRequest, rules: readonly HeldRule[]): string {
  const { method, target, contentType, container, cluster, impersonated, object } = held
  return canonicalJson({
    form: FORM,
    cluster,
    chain: chainOf(held.chain),
    container,
    impersonated: impersonated === undefined ? undefined : userOf(impersonated),
    attributes: attributesOf(held.attributes, method),
    ...{ method, target, contentType },
    body: { bytes: held.bodyBytes, sha256: held.bodySha256 },
    object: object === undefined ? undefined : { uid: object.uid },
    rules: rulesOf(rules),
  })
}

/** SHA-256 of a text in UTF-8, in hexadecimal. */
export function sha256Hex(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * The key by which a grant of a scope is found: of the digest of the request, or of the chain with the rules that hold
 * it back.
 */
export function grantKey(
  scope: ApprovalScope,
  digest: string,
  held: Pick<HeldRequest, 'chain' | 'cluster'>,
  rules: readonly HeldRule[],
): string {
  if (scope !== 'rule') return digest
  const parts = { cluster: held.cluster, chain: chainOf(held.chain), rules: rulesOf(rules) }
  return sha256Hex(canonicalJson(parts))
}

/** Every pod by its UID, the caller last. */
function chainOf({ rootRequester, coRequesters, actors }: DelegationChain): CanonicalValue {
  return {
    rootRequester: userOf(rootRequester),
    coRequesters: coRequesters.map(userOf),
    actors: actors.map(({ podUid, namespace, name, serviceAccount }) => {
      return { podUid, namespace, name, serviceAccount }
    }),
  }
}

function userOf({ username, uid, groups }: UserInfo): CanonicalValue {
  return { username, uid, groups: [...groups].sort() }
}

/** Of a tunnel the verb is left out: one client opens the same by GET, the next by POST. */
function attributesOf(attributes: RequestAttributes, method: string): CanonicalValue {
  const { verb, alsoVerbs, exec, portForward, path, ...where } = attributes
  const verbs = method === '' ? undefined : [verb, ...alsoVerbs]
  return {
    ...where,
    verbs,
    path: method === '' ? undefined : path,
    exec:
      exec === undefined
        ? undefined
        : { ...exec, commandShortened: undefined, envShortened: undefined },
    portForward: portForward === undefined ? undefined : { ports: portForward.ports },
  }
}

function rulesOf(rules: readonly HeldRule[]): CanonicalValue {
  const texts = rules.map(({ name, approval }) => `${name} ${approval.ruleDigest}`)
  return [...new Set(texts)].sort()
}
