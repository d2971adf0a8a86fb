import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { type PodTemplateBody, RUNS_NOTHING } from '../core/commands/container-command.ts'
import { TemplateBodySchema } from './gen/lanyard/v1/authorization_pb.ts'
import { templateFromMessage, templateToMessage } from './template-message.ts'

const COMMAND = {
  ...{ at: 'spec.containers[0] (a)', command: ['sh', '-c', '$(X)'], computed: [2], open: true },
  ...{ ownProgram: true, variables: ['X'], stdin: true, problem: 'the mount at /bin' },
}

function overTheWire(template: PodTemplateBody): PodTemplateBody {
  const message = create(TemplateBodySchema, templateToMessage(template))
  return templateFromMessage(fromBinary(TemplateBodySchema, toBinary(TemplateBodySchema, message)))
}

test.each<[string, PodTemplateBody]>([
  ['nothing', RUNS_NOTHING],
  ['commands', { ...RUNS_NOTHING, commands: [COMMAND, { ...COMMAND, computed: [], open: false }] }],
  ['a problem', { commands: [], problem: 'send JSON', wrongMediaType: true }],
])('templateFromMessage() is what templateToMessage() was told: %s', (_name, template) => {
  expect(overTheWire(template)).toEqual(template)
})

test.each<[string, Partial<typeof COMMAND>, number]>([
  ['too many commands', {}, 1_025],
  ['too many letters', { command: ['x'.repeat(1_100_000)] }, 1],
  ['too many words', { command: Array.from({ length: 140_000 }, () => '') }, 1],
])('templateFromMessage() refuses %s', (_name, parts, length) => {
  const commands = Array.from({ length }, () => ({ ...COMMAND, ...parts }))
  expect(() => overTheWire({ ...RUNS_NOTHING, commands })).toThrow(
    expect.objectContaining({ code: 'request_invalid' }),
  )
})
