import type { Question } from '../../core/authorization/question.ts'
import type { ParsedRequest } from './parse-request.ts'

/** What the control plane is asked about a request. */
export function toQuestion(request: ParsedRequest): Question {
  const { info, caller, userAgent, impersonation, body, template, approval } = request
  return {
    attributes: info.attributes,
    container: caller.container,
    ...{ userAgent, impersonation },
    targetContainer: info.targetContainer,
    refusedBecause: '',
    ...(body?.says === undefined ? {} : { credentialBody: body.says }),
    ...(template === undefined ? {} : { template }),
    ...(approval === undefined ? {} : { approval }),
  }
}
