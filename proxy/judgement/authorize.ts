import { Fault } from '../../core/fault.ts'
import type { CredentialBody } from '../../core/kubernetes/credential-body.ts'
import type { Impersonation } from '../../core/kubernetes/impersonation.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { userToMessage } from '../../proto/chain-message.ts'
import type { Authorizer, DenyReply, Question } from './authorizer.ts'
import type { ReadRequest } from './read-request.ts'

declare const permitted: unique symbol

/**
 * Leave to send one request. Only `authorize` makes one, and whatever talks to the API server asks
 * for one, so that no path around the decision compiles.
 */
export interface Permit {
  readonly effect: 'allow'
  readonly decisionId: string
  readonly warning: string
  readonly request: ReadRequest
  readonly [permitted]: true
}

export interface Denial {
  readonly effect: 'deny'
  readonly decisionId: string
  readonly status: Status
}

export type Verdict = Permit | Denial

/** Asks for the decision on a request. Throws when there is none: that is a refusal too. */
export async function authorize(
  authorizer: Pick<Authorizer, 'authorize' | 'report'>,
  request: ReadRequest,
): Promise<Verdict> {
  const { impersonation } = request
  const decision = await authorizer.authorize(toQuestion(request))
  if (decision.effect === 'deny') {
    return { effect: 'deny', decisionId: decision.id, status: denialStatus(request, decision) }
  }
  if (impersonation !== undefined && !decision.impersonationJudged) {
    const fault = new Fault(
      'decision_unavailable',
      'The control plane did not judge the impersonation, so the request is refused: upgrade it',
    )
    const outcome = { httpStatus: 503, fault: fault.code, responseBytes: 0n }
    authorizer.report({ decisionId: decision.id, ...outcome })
    throw fault
  }
  return {
    effect: 'allow',
    decisionId: decision.id,
    warning: decision.warning,
    request,
  } as Permit
}

/** What the control plane is asked about a request. */
export function toQuestion(request: ReadRequest): Question {
  const { info, caller, userAgent, impersonation, body } = request
  return {
    attributes: { ...info.attributes, alsoVerbs: [...info.attributes.alsoVerbs] },
    container: caller.container,
    userAgent,
    targetContainer: info.targetContainer,
    ...(impersonation === undefined ? {} : { impersonation: toMessage(impersonation) }),
    ...(body?.says === undefined ? {} : { credentialBody: toBodyMessage(body.says) }),
  }
}

function toMessage({ user, problem }: Impersonation): NonNullable<Question['impersonation']> {
  return { user: userToMessage(user), problem }
}

function toBodyMessage({ audiences, secretType }: CredentialBody): Question['credentialBody'] {
  return { audiences: [...audiences], secretType }
}

/** Forbidden, as kube-apiserver says it; the message and the causes are the control plane's. */
function denialStatus({ info }: ReadRequest, deny: DenyReply): Status {
  const { name, apiGroup, resource } = info.attributes
  return failureStatus(403, 'Forbidden', deny.message || `forbidden [decision ${deny.id}]`, {
    ...(name === '' ? {} : { name }),
    ...(apiGroup === '' ? {} : { group: apiGroup }),
    ...(resource === '' ? {} : { kind: resource }),
    causes: deny.causes,
  })
}
