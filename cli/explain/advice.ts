import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { resourceText } from '../../api/texts/request-text.ts'
import { shellWord } from '../../api/texts/shell-word.ts'
import { UNATTRIBUTED } from '../../core/chain.ts'
import { parseServiceAccountUsername } from '../../core/kubernetes/user-info.ts'

/** How a request that was refused could be allowed; plain text, not yet escaped. */
export function adviceLines(event: AuditEventObject): readonly string[] {
  const lines = adviceFor(event)
  return event.spec.refusedBy === ''
    ? lines
    : [...lines, 'Every principal of the chain must be allowed; this is the first that is not.']
}

/** Reasons that a grant would mend, if there were anybody to grant it to. */
const GRANTS = ['rbac_denies', 'no_rule', 'default_denies']

function adviceFor({ spec }: AuditEventObject): readonly string[] {
  if (spec.refusedBy === UNATTRIBUTED.username && GRANTS.includes(spec.reason)) {
    return [
      'Nobody on record answers for what makes the pod; it may have been there before Lanyard. Delete it and create it',
      'again (kubectl replace --force -f FILE), or look at its code and answer for it yourself, with new pods afterwards:',
      '  kubectl lanyard reset KIND/NAME',
    ]
  }
  switch (spec.reason) {
    case 'rbac_denies':
      return spec.resource === ''
        ? [`Let RBAC allow ${spec.refusedBy} the verb ${spec.verb} on ${spec.path}.`]
        : [
            `Let RBAC allow it to ${spec.refusedBy}:`,
            ...rbacCommands(spec),
            'or name that principal in an AccessPolicy, which then stands in the place of RBAC for it:',
            ...policyRule(spec),
          ]
    case 'no_rule':
      return [
        `An AccessPolicy names ${spec.refusedBy}, and no rule of it matches. Add one:`,
        ...policyRule(spec),
      ]
    case 'command_denied':
      return [
        `Rule ${spec.rule} says which commands may run. Run another one, or change that rule:`,
        `  kubectl get accesspolicy ${spec.rule.split('/')[0] ?? ''} -o yaml`,
      ]
    case 'default_denies':
      return [
        `No AccessPolicy names ${spec.refusedBy}, and without one nothing is allowed here. Write one:`,
        ...policyRule(spec),
      ]
    case 'policy_denies':
      return [
        `Rule ${spec.rule} denies it, and a denying rule wins over every other. Change that rule:`,
        `  kubectl get accesspolicy ${spec.rule.split('/')[0] ?? ''} -o yaml`,
      ]
    case 'policy_invalid':
      return [
        `Mend AccessPolicy ${spec.rule}; its status says what is wrong:`,
        `  kubectl get accesspolicy ${spec.rule} -o jsonpath={.status.conditions}`,
      ]
    case 'limit_invalid':
    case 'limit_denies':
    case 'above_ceiling':
      return limitAdvice(spec)
    case 'guard':
      return [
        `A rule of an AccessPolicy can lift this guard, for every requester of the chain:`,
        ...policyRule(spec),
        `    lifts: [${spec.rule}]`,
      ]
    case 'chain_unknown':
      return ['Nobody is on record for the pod: delete it and let it be created again.']
    case 'chain_closed':
      return [
        'Too many people chose the code of the pod, or of one before it. Make the object that makes the pod again,',
        'or look at its code and answer for it yourself: kubectl lanyard reset KIND/NAME.',
      ]
    case 'access_unknown':
      return ['The authorizer of the cluster gave no answer: try again.']
    default:
      return []
  }
}

/** The rule reads `AccessCeiling NAME/RULE` or `NarrowingPolicy NAMESPACE/NAME/RULE`. */
function limitAdvice({ rule }: EventSpec): readonly string[] {
  const [kind = '', title = ''] = rule.split(' ')
  const [first = '', second = ''] = title.split('/')
  const object = kind === 'NarrowingPolicy' ? `${second} -n ${first}` : first
  return [
    `${kind} ${title} stands over every policy and over RBAC. Ask whoever wrote it, and look at it:`,
    `  kubectl get ${kind.toLowerCase()} ${object} -o yaml`,
  ]
}

type EventSpec = AuditEventObject['spec']

/** Verbs that RBAC can allow for one object by its name. */
const NAMED_VERBS = ['get', 'update', 'patch', 'delete']

function rbacCommands(spec: EventSpec): readonly string[] {
  const account = parseServiceAccountUsername(spec.refusedBy)
  const subject =
    account === undefined
      ? `--user=${shellWord(spec.refusedBy)}`
      : `--serviceaccount=${account.namespace}:${account.name}`
  const verbs = [spec.verb, ...spec.alsoVerbs].join(',')
  const object = NAMED_VERBS.includes(spec.verb) && spec.name !== '' && spec.alsoVerbs.length === 0
  const only = object ? ` --resource-name=${shellWord(spec.name)}` : ''
  const what = `--verb=${verbs} --resource=${resourceText(spec)}${only}`
  const [role, binding, place] =
    spec.namespace === ''
      ? ['clusterrole', 'clusterrolebinding', '']
      : ['role', 'rolebinding', ` -n ${spec.namespace}`]
  const name = `${spec.verb}-${spec.resource}`
  return [
    `  kubectl create ${role} ${name}${place} ${what}`,
    `  kubectl create ${binding} ${name}${place} --${role}=${name} ${subject}`,
  ]
}

function policyRule(spec: EventSpec): readonly string[] {
  const resource = spec.subresource === '' ? spec.resource : `${spec.resource}/${spec.subresource}`
  const verbs = [spec.verb, ...spec.alsoVerbs].join(', ')
  return [
    `  - effect: Allow`,
    `    apiGroups: [${JSON.stringify(spec.apiGroup)}]`,
    `    resources: [${resource}]`,
    `    verbs: [${verbs}]`,
    ...(spec.namespace === '' ? [] : [`    namespaces: [${spec.namespace}]`]),
  ]
}
