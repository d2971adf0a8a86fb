import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Outcome } from '../../core/audit/audit-event.ts'
import { Fault } from '../../core/fault.ts'
import type { Impersonation } from '../../core/kubernetes/impersonation.ts'
import {
  type AuthorizeRequest,
  type AuthorizeResponseSchema,
  Effect,
  type Impersonation as ImpersonationMessage,
  type Outcome as OutcomeMessage,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import type { Answer, Question } from '../decide.ts'

/** Longest texts that are taken; kube-apiserver's own names are far shorter. */
const TEXT_MAX = 2_048
const USER_AGENT_MAX = 1_024

/** A signed token, whole or cut short; and whatever follows the word that announces a credential. */
const CREDENTIAL = /\beyJ[\w.-]{8,}|\b(?:bearer|basic)\s+\S+/gi

/** Throws `request_invalid` for a message that no sidecar of ours sends. */
export function questionFromMessage(message: AuthorizeRequest): Question {
  const { attributes } = message
  if (attributes === undefined) throw new Fault('request_invalid', 'The message has no attributes')
  const { verb, resourceRequest, apiGroup, apiVersion, resource, subresource } = attributes
  const { namespace, name, path, alsoVerbs } = attributes
  const texts = [
    verb,
    apiGroup,
    apiVersion,
    resource,
    subresource,
    namespace,
    name,
    path,
    message.container,
    message.targetContainer,
    message.refusedBecause,
    ...alsoVerbs,
  ]
  if (texts.some((text) => text.length > TEXT_MAX) || alsoVerbs.length > 4) {
    throw new Fault('request_invalid', 'The message holds a text that is too long')
  }
  return {
    attributes: {
      verb,
      resourceRequest,
      apiGroup,
      apiVersion,
      resource,
      subresource,
      namespace,
      name,
      path,
      alsoVerbs,
    },
    container: message.container,
    // The only header value that is recorded, and it is what the caller pleases.
    userAgent: message.userAgent.slice(0, USER_AGENT_MAX).replaceAll(CREDENTIAL, '[credential]'),
    targetContainer: message.targetContainer,
    refusedBecause: message.refusedBecause,
    impersonation: impersonationFromMessage(message.impersonation),
    ...credentialBodyFrom(message.credentialBody),
  }
}

/** Most texts that say who is impersonated: more than any sidecar sends. */
const IMPERSONATION_TEXTS_MAX = 256

function impersonationFromMessage(
  message: ImpersonationMessage | undefined,
): Impersonation | undefined {
  if (message === undefined) return undefined
  const { username = '', uid = '', groups = [], extra = {} } = message.user ?? {}
  const pairs = Object.entries(extra).map(([key, { values }]) => [key, values] as const)
  const texts = [username, uid, message.problem, ...groups, ...pairs.flat(2)]
  if (texts.some(({ length }) => length > TEXT_MAX) || texts.length > IMPERSONATION_TEXTS_MAX) {
    throw new Fault('request_invalid', 'The message impersonates with texts that are too long')
  }
  // Nobody by name may be nobody in particular.
  const problem = username === '' ? 'no Impersonate-User says who' : ''
  return {
    user: { username, uid, groups, extra: Object.fromEntries(pairs) },
    problem: message.problem || problem,
  }
}

/** More, or longer, than any API server's own; what is not read is not known. */
const AUDIENCES_MAX = 64

function credentialBodyFrom(
  body: AuthorizeRequest['credentialBody'],
): Pick<Question, 'credentialBody'> {
  if (body === undefined || body.audiences.length > AUDIENCES_MAX) return {}
  const { audiences, secretType } = body
  if ([...audiences, secretType].some((text) => text.length > TEXT_MAX)) return {}
  return { credentialBody: { audiences, secretType } }
}

/** An answer as the sidecar gets it. Whatever is not an allow is written as a deny. */
export function answerToMessage(answer: Answer): MessageInitShape<typeof AuthorizeResponseSchema> {
  return {
    decisionId: answer.decisionId,
    effect: answer.effect === 'allow' ? Effect.ALLOW : Effect.DENY,
    message: answer.refusal?.message ?? '',
    causes: (answer.refusal?.causes ?? []).map((cause) => ({ ...cause })),
    warning: answer.warning,
    impersonationJudged: answer.impersonationJudged,
  }
}

/** What became of a request, in our clock (Unix milliseconds): the sidecar's own may be wrong. */
export function outcomeFromMessage(message: OutcomeMessage, completedAtMs: number): Outcome {
  const responseBytes = Number(message.responseBytes)
  return {
    httpStatus: message.httpStatus,
    fault: message.fault.slice(0, 64),
    responseBytes: Number.isSafeInteger(responseBytes) ? responseBytes : Number.MAX_SAFE_INTEGER,
    completedAtMs,
  }
}
