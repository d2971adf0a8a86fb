import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Effect } from '../core/audit/audit-event.ts'
import type { Question } from '../core/authorization/question.ts'
import type { ExecAttributes, Shortened } from '../core/kubernetes/exec-attributes.ts'
import type { RequestAttributes } from '../core/kubernetes/request-attributes.ts'
import type { MaskDefinition } from '../core/masking/mask-profile.ts'
import { isFree, type Obligations } from '../core/policy/obligations.ts'
import { userToMessage } from './chain-message.ts'
import {
  type RequestAttributes as AttributesMessage,
  type AuthorizeRequestSchema,
  Effect as EffectMessage,
  type ExecAttributesSchema,
  type ExecAttributes as ExecMessage,
  type Obligations as ObligationsMessage,
  type ObligationsSchema,
  type RequestAttributesSchema,
  type Shortened as ShortenedMessage,
} from './gen/lanyard/v1/authorization_pb.ts'
import { levelFromMessage, levelToMessage } from './session-event-message.ts'
import { templateToMessage } from './template-message.ts'

/** A question on the wire. */
export function questionToMessage(
  question: Question,
): MessageInitShape<typeof AuthorizeRequestSchema> {
  const { impersonation, credentialBody, template, approval } = question
  return {
    attributes: attributesToMessage(question.attributes),
    container: question.container,
    userAgent: question.userAgent,
    refusedBecause: question.refusedBecause,
    targetContainer: question.targetContainer,
    ...(impersonation === undefined
      ? {}
      : {
          impersonation: {
            user: userToMessage(impersonation.user),
            problem: impersonation.problem,
          },
        }),
    ...(credentialBody === undefined
      ? {}
      : {
          credentialBody: {
            audiences: [...credentialBody.audiences],
            secretType: credentialBody.secretType,
          },
        }),
    ...(template === undefined ? {} : { template: templateToMessage(template) }),
    ...(approval === undefined ? {} : { approvalDigest: approval.digest }),
  }
}

/** What a request asks for, on the wire. */
export function attributesToMessage(
  attributes: RequestAttributes,
): MessageInitShape<typeof RequestAttributesSchema> {
  const { alsoVerbs, exec, portForward, ...texts } = attributes
  return {
    ...texts,
    alsoVerbs: [...alsoVerbs],
    ...(exec === undefined ? {} : { exec: execToMessage(exec) }),
    ...(portForward === undefined ? {} : { portForward: { ports: [...portForward.ports] } }),
  }
}

function execToMessage(exec: ExecAttributes): MessageInitShape<typeof ExecAttributesSchema> {
  const { command, env, commandShortened, envShortened, ...rest } = exec
  return {
    ...rest,
    command: [...command],
    env: [...env],
    ...(commandShortened === undefined ? {} : { commandShortened: { ...commandShortened } }),
    ...(envShortened === undefined ? {} : { envShortened: { ...envShortened } }),
  }
}

/** Reads what a request asks for; the lengths of its texts are for the caller to check. */
export function attributesFromMessage(message: AttributesMessage): RequestAttributes {
  const { verb, resourceRequest, apiGroup, apiVersion, resource, subresource } = message
  const { namespace, name, path, alsoVerbs, exec, portForward } = message
  return {
    ...{ verb, resourceRequest, apiGroup, apiVersion, resource, subresource },
    ...{ namespace, name, path, alsoVerbs },
    ...(exec === undefined ? {} : { exec: execFromMessage(exec) }),
    ...(portForward === undefined ? {} : { portForward: { ports: portForward.ports } }),
  }
}

function execFromMessage(message: ExecMessage): ExecAttributes {
  const { command, stdin, stdout, stderr, tty, container, env } = message
  return {
    ...{ command, stdin, stdout, stderr, tty, container, env },
    ...(message.commandShortened === undefined
      ? {}
      : { commandShortened: shortenedFromMessage(message.commandShortened) }),
    ...(message.envShortened === undefined
      ? {}
      : { envShortened: shortenedFromMessage(message.envShortened) }),
  }
}

function shortenedFromMessage({ count, sha256 }: ShortenedMessage): Shortened {
  return { count, sha256 }
}

/** What must be done, on the wire; `maskKey` and `profiles` are for whoever has to mask. */
export function obligationsToMessage(
  { mask, record, commands }: Obligations,
  maskKey?: Uint8Array<ArrayBuffer>,
  profiles: readonly MaskDefinition[] = [],
): MessageInitShape<typeof ObligationsSchema> {
  return {
    mask: [...mask],
    record: record !== 'none',
    commands: commands.map((words) => ({ words: [...words] })),
    recordLevel: levelToMessage(record),
    ...(maskKey === undefined ? {} : { maskKey }),
    ...(profiles.length === 0
      ? {}
      : { profiles: profiles.map(({ id, definition }) => ({ id, definition })) }),
  }
}

/** What must be done. */
export function obligationsFromMessage(message: ObligationsMessage): Obligations {
  const { mask, commands, recordLevel } = message
  const level = levelFromMessage(recordLevel)
  // Without a level it is asked for by a version that knew none.
  const record = message.record && level === 'none' ? 'output' : level
  return { mask, record, commands: commands.map(({ words }) => words) }
}

/** What is decided, on the wire: whatever is not plainly an allow has a value of its own. */
export function effectToMessage(effect: Effect, obligations: Obligations): EffectMessage {
  switch (effect) {
    case 'allow':
      return isFree(obligations) ? EffectMessage.ALLOW : EffectMessage.ALLOW_WITH_OBLIGATIONS
    case 'hold':
      return EffectMessage.HOLD
    default:
      return EffectMessage.DENY
  }
}
