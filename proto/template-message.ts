import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PodTemplateBody } from '../core/commands/container-command.ts'
import { Fault } from '../core/fault.ts'
import type {
  TemplateBodySchema,
  TemplateBody as TemplateMessage,
} from './gen/lanyard/v1/authorization_pb.ts'

/** What the pods of an object would run, on the wire. */
export function templateToMessage({
  commands,
  problem,
  wrongMediaType,
}: PodTemplateBody): MessageInitShape<typeof TemplateBodySchema> {
  return {
    commands: commands.map((one) => ({
      ...one,
      command: [...one.command],
      computed: [...one.computed],
      variables: [...one.variables],
    })),
    problem,
    wrongMediaType,
  }
}

/** More than whoever reads bodies for us sends. */
const COMMANDS_MAX = 1_024
const LETTERS_MAX = 1_024 * 1_024
const TEXTS_MAX = 128 * 1_024

/** What the pods of an object would run. Throws `request_invalid` for more than anybody of ours sends. */
export function templateFromMessage({
  commands,
  problem,
  wrongMediaType,
}: TemplateMessage): PodTemplateBody {
  const texts = commands.flatMap((one) => [one.at, one.problem, ...one.command, ...one.variables])
  const letters = texts.reduce((sum, { length }) => sum + length, problem.length)
  if (commands.length > COMMANDS_MAX || letters > LETTERS_MAX || texts.length > TEXTS_MAX) {
    throw new Fault('request_invalid', 'The message says too much about what pods would run')
  }
  return {
    commands: commands.map(({ at, command, computed, ownProgram, open, ...one }) => ({
      ...{ at, command, computed, ownProgram, open },
      ...{ variables: one.variables, stdin: one.stdin, problem: one.problem },
    })),
    ...{ problem, wrongMediaType },
  }
}
