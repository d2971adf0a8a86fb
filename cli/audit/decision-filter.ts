import { type Command, Option } from 'commander'
import { fieldSelector } from '../../api/client/access-client.ts'
import type { DecisionQuery } from '../../api/client/read-decisions.ts'
import type { EffectWord } from '../../api/objects/access-objects.ts'
import { Fault } from '../../core/fault.ts'
import { type Moment, toUnixMs } from '../../core/moment.ts'
import { parsePodName, parseText } from '../arguments/object-name.ts'
import {
  parseResourceFilter,
  type ResourceFilter,
  remainingMatch,
} from '../arguments/resource-filter.ts'
import type { CommandContext } from '../command/command-context.ts'
import { usable } from '../command/global-options.ts'
import { addSince } from '../command/since-option.ts'

/** Which decisions a command is about; what is absent does not matter. */
export interface DecisionFilter {
  readonly pod?: string
  readonly root?: string
  readonly effect?: EffectWord
  readonly verb?: string
  readonly resource?: ResourceFilter
  readonly since?: Moment
}

/** What `audit` is called with; its filters are those of `audit export` too. */
export interface AuditFlags extends DecisionFilter {
  readonly limit: number
  readonly follow?: boolean
}

/** Adds the options of a `DecisionFilter`: each takes what the table of `audit` shows. */
export function addFilterOptions(command: Command): Command {
  command
    .option('--pod <name>', 'only decisions about this pod', usable(parsePodName))
    .option('--root <user>', 'only decisions for this root requester', usable(parseText))
    .addOption(
      new Option('--effect <effect>', 'only these')
        .choices(['allow', 'hold', 'deny'])
        .argParser(usable(parseEffect)),
    )
    .option('--verb <verb>', 'only requests with this verb', usable(parseText))
    .option(
      '--resource <resource>',
      'only requests for this resource, as the table shows it: secrets, deployments.apps, pods/exec',
      usable(parseResourceFilter),
    )
  return addSince(command, 'decisions made')
}

/** What the API is asked for, and what is left to look at. */
export function toSelection(
  { client, allNamespaces, now }: CommandContext,
  { pod, root, effect, verb, resource, since }: DecisionFilter,
): Pick<DecisionQuery, 'scope' | 'selector' | 'matches' | 'sinceMs'> {
  const selector = fieldSelector({
    'spec.pod': pod,
    'spec.rootRequester': root,
    'spec.effect': effect,
    'spec.verb': verb,
    'spec.resource': resource?.resource,
  })
  const matches = remainingMatch(resource ?? {})
  return {
    scope: allNamespaces ? undefined : client.namespace,
    selector,
    ...(matches === undefined ? {} : { matches: ({ spec }) => matches(spec) }),
    ...(since === undefined ? {} : { sinceMs: toUnixMs(since, now()) }),
  }
}

function parseEffect(text: string): EffectWord {
  const effect = (['Allow', 'Hold', 'Deny'] as const).find(
    (candidate) => candidate.toLowerCase() === text.toLowerCase(),
  )
  if (effect !== undefined) return effect
  throw new Fault('request_invalid', 'want allow, hold or deny')
}
