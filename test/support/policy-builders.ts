import type { PrincipalRole } from '../../core/chain.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from '../../core/policy/access-policy.ts'
import type { PrincipalFacts } from '../../core/policy/evaluate.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'

/** `get pods` in the namespace team, unless told otherwise. */
export function aRequest(parts: Partial<RequestAttributes>): RequestAttributes {
  return {
    verb: 'get',
    resourceRequest: true,
    apiGroup: '',
    apiVersion: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'team',
    name: '',
    path: '/api/v1/namespaces/team/pods',
    alsoVerbs: [],
    ...parts,
  }
}

/** A policy of one rule that allows pods in team, unless told otherwise. */
export function aRule(parts: Partial<PolicyRule>): AccessPolicy {
  const rule: PolicyRule = {
    name: 'rule',
    effect: 'Allow',
    apiGroups: [''],
    resources: ['pods', 'pods/exec'],
    verbs: ['get'],
    namespaces: ['team'],
    lifts: [],
    obligations: NO_OBLIGATIONS,
    ...parts,
  }
  return { name: 'policy', subjects: [], rules: [rule] }
}

/** A principal whom no policy names and RBAC allows. */
export function somePrincipalFacts(parts: {
  readonly name: string
  readonly role: PrincipalRole
}): PrincipalFacts {
  const user = { username: parts.name, uid: '', groups: [], extra: {} }
  return {
    principal: { role: parts.role, user },
    policies: [],
    invalidPolicies: [],
    access: 'allowed',
  }
}
