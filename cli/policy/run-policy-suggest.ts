import { readEvery } from '../../api/client/read-decisions.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { Moment } from '../../core/moment.ts'
import { parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import { type DecisionFilter, toSelection } from '../audit/decision-filter.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { createProgress } from '../terminal/progress.ts'
import { type ReplayScore, replayDecision, scoreOf } from './replay-decisions.ts'
import { suggestPolicy } from './suggest-policy.ts'

export interface SuggestOptions {
  /** User name of a root requester. */
  readonly root: string
  readonly since?: Moment
}

/** `policy suggest`: the least policy that covers what the pods of a root requester did. */
export async function runPolicySuggest(
  context: CommandContext,
  options: SuggestOptions,
): Promise<number> {
  const { terminal, output } = context
  const events = await readDecisions(context, options)
  const { policy, refused } = suggestPolicy(options.root, events)
  const parsed = parseAccessPolicy(policy)
  const own = events.filter(({ spec }) => spec.resource !== '')
  const score = scoreOf(
    own.map((event) => replayDecision({ policies: [parsed], limits: [] }, event)),
  )
  if (output === 'json') terminal.out(toJson(policy))
  else {
    for (const { what, count } of refused) {
      terminal.out(escapeText(`# refused ${count} times, and not allowed by this: ${what}`))
      terminal.out('\n')
    }
    terminal.out(toYaml(policy))
  }
  terminal.err(`${describeScore(score)}\n`)
  return 0
}

/** Every decision of a filter, oldest first. */
export async function readDecisions(
  context: CommandContext,
  filter: DecisionFilter,
): Promise<readonly AuditEventObject[]> {
  const { client, terminal } = context
  const query = { ...toSelection(context, filter), progress: createProgress(terminal) }
  const events: AuditEventObject[] = []
  for await (const page of readEvery(client, query)) events.push(...page.items)
  return events
}

/** A score in words. */
export function describeScore(score: ReplayScore): string {
  const { passed, passAgain, refused, refusedAgain, unknown } = score
  const unclear = unknown === 0 ? '' : `; of ${unknown} the record does not say what RBAC would`
  return `${passAgain} of ${passed} requests that passed would pass, and ${refusedAgain} of ${refused} that were refused would be refused${unclear}`
}
