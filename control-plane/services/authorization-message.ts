import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Outcome } from '../../core/audit/audit-event.ts'
import type { Question } from '../../core/authorization/question.ts'
import { Fault } from '../../core/fault.ts'
import type { ExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import type { Impersonation } from '../../core/kubernetes/impersonation.ts'
import { isMaskProfileId, type MaskDefinition } from '../../core/masking/mask-profile.ts'
import { isMaskName } from '../../core/masking/mask-rules.ts'
import { isFree } from '../../core/policy/obligations.ts'
import type {
  AuthorizeRequest,
  AuthorizeResponseSchema,
  Impersonation as ImpersonationMessage,
  Outcome as OutcomeMessage,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import {
  attributesFromMessage,
  effectToMessage,
  obligationsToMessage,
} from '../../proto/question-message.ts'
import { templateFromMessage } from '../../proto/template-message.ts'
import type { RecordedDecision } from '../decisions/decide.ts'

/** Longest texts that are taken; kube-apiserver's own names are far shorter. */
const TEXT_MAX = 2_048

/** Throws `request_invalid` for a message that no sidecar of ours sends. */
export function questionFromMessage(message: AuthorizeRequest): Question {
  if (message.attributes === undefined) {
    throw new Fault('request_invalid', 'The message has no attributes')
  }
  const attributes = attributesFromMessage(message.attributes)
  const { exec, portForward, alsoVerbs, resourceRequest, ...own } = attributes
  const texts = [
    ...Object.values<string>(own),
    message.container,
    message.targetContainer,
    message.refusedBecause,
    ...alsoVerbs,
  ]
  if (texts.some((text) => text.length > TEXT_MAX) || alsoVerbs.length > 4) {
    throw new Fault('request_invalid', 'The message holds a text that is too long')
  }
  checkExec(exec, message.targetContainer)
  if ((portForward?.ports.length ?? 0) > PORTS_MAX) {
    throw new Fault('request_invalid', `A port-forward may name at most ${PORTS_MAX} ports`)
  }
  return {
    attributes,
    container: message.container,
    // What the caller pleases: only recordedUserAgent() of it is kept.
    userAgent: message.userAgent,
    targetContainer: message.targetContainer,
    refusedBecause: message.refusedBecause,
    impersonation: impersonationFromMessage(message.impersonation),
    ...credentialBodyFrom(message.credentialBody),
    ...(message.template === undefined ? {} : { template: templateFromMessage(message.template) }),
    ...approvalFrom(message.approvalDigest),
  }
}

function approvalFrom(digest: string): Pick<Question, 'approval'> {
  if (digest === '') return {}
  if (!SHA256.test(digest)) throw new Fault('request_invalid', 'The digest of the approval is none')
  return { approval: { digest } }
}

/** More than fit into the head of a request that a sidecar takes. */
const EXEC_CHARACTERS_MAX = 1024 * 1024
const EXEC_TEXTS_TAKEN_MAX = 128 * 1024
const SHA256 = /^[0-9a-f]{64}$/
/** As many as there are. */
const PORTS_MAX = 65_536

function checkExec(exec: ExecAttributes | undefined, targetContainer: string): void {
  if (exec === undefined) return
  const texts = [...exec.command, ...exec.env]
  const characters = texts.reduce((sum, { length }) => sum + length, 0)
  if (characters > EXEC_CHARACTERS_MAX || texts.length > EXEC_TEXTS_TAKEN_MAX) {
    throw new Fault('request_invalid', 'The command is too long')
  }
  const digests = [exec.commandShortened?.sha256, exec.envShortened?.sha256]
  if (digests.some((digest) => digest !== undefined && !SHA256.test(digest))) {
    throw new Fault('request_invalid', 'The digest of the command is none')
  }
  // Guards look at the one, records show the other.
  if (exec.container !== targetContainer) {
    throw new Fault('request_invalid', 'The message names two containers')
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

/** Seconds after which the caller of a request that is held is to ask again. */
export const HOLD_RETRY_SECONDS = 15

/** A decision as the sidecar gets it; `told` are the MaskProfiles that it has not been told yet. */
export function decisionToMessage(
  decision: RecordedDecision,
  mayBeForeseen = false,
  told: readonly MaskDefinition[] = decision.profiles ?? [],
): MessageInitShape<typeof AuthorizeResponseSchema> {
  const { effect, obligations, refusal, maskKey } = decision
  const obliged = isFree(obligations)
    ? {}
    : { obligations: obligationsToMessage(obligations, maskKey, told) }
  return {
    decisionId: decision.decisionId,
    effect: effectToMessage(effect, obligations),
    message: refusal?.message ?? '',
    causes: (refusal?.causes ?? []).map((cause) => ({ ...cause })),
    warning: decision.warning,
    impersonationJudged: decision.impersonationJudged,
    ...obliged,
    retryAfterSeconds: effect === 'hold' ? HOLD_RETRY_SECONDS : 0,
    mayBeForeseen,
  }
}

/** More than any rule names. */
const MASKS_MAX = 64

/** Of masks that there are, and numbers that can be shown: it goes on record. */
function maskedFrom(masked: OutcomeMessage['masked']): Pick<Outcome, 'masked'> {
  if (masked.length === 0) return {}
  const counts = new Map(
    masked
      .filter(({ mask, values }) => (isMaskName(mask) || isMaskProfileId(mask)) && values > 0n)
      .slice(0, MASKS_MAX)
      .map(({ mask, values }) => [mask, Math.min(Number(values), Number.MAX_SAFE_INTEGER)]),
  )
  if (counts.size === 0) return {}
  return { masked: [...counts].map(([mask, values]) => ({ mask, values })) }
}

/** What became of a request, in our clock (Unix milliseconds): the sidecar's own may be wrong. */
export function outcomeFromMessage(message: OutcomeMessage, completedAtMs: number): Outcome {
  const responseBytes = Number(message.responseBytes)
  return {
    httpStatus: message.httpStatus,
    fault: message.fault.slice(0, 64),
    responseBytes: Number.isSafeInteger(responseBytes) ? responseBytes : Number.MAX_SAFE_INTEGER,
    completedAtMs,
    ...(message.withheld ? { withheld: true as const } : {}),
    ...maskedFrom(message.masked),
  }
}
