import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { requestText } from '../../api/texts/request-text.ts'
import type { ParsedLimit } from '../../core/policy/access-limit.ts'
import { limitOf, limitTitle } from '../../core/policy/access-limit.ts'
import type { ParsedPolicy } from '../../core/policy/parse-access-policy.ts'
import type { PolicySet } from '../../core/policy/simulate.ts'
import type { DecisionFilter } from '../audit/decision-filter.ts'
import type { CommandContext } from '../command/command-context.ts'
import { readValidPolicies } from '../rules/read-policy-files.ts'
import { readPolicySet } from '../rules/read-policy-set.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { createTableWriter, type TableColumn } from '../terminal/table-writer.ts'
import { isChanged, type ReplayedDecision, replayDecision, scoreOf } from './replay-decisions.ts'
import { describeScore, readDecisions } from './run-policy-suggest.ts'

export interface PolicyReplayOptions extends DecisionFilter {
  /** Only what the files say counts, and nothing of the cluster. */
  readonly alone?: boolean
}

/** `policy replay`: which recorded decisions would change under the policies of files. 1 when any would. */
export async function runPolicyReplay(
  context: CommandContext,
  files: readonly string[],
  options: PolicyReplayOptions,
): Promise<number> {
  const { terminal, output } = context
  const written = await readValidPolicies(files)
  const set =
    options.alone === true ? written : replaced(await readPolicySet(context.client), written)
  const replayed = (await readDecisions(context, options)).map((one) => replayDecision(set, one))
  const changed = replayed.filter(isChanged)
  const score = scoreOf(replayed)
  const report = {
    ...{ apiVersion: 'lanyard.dev/v1alpha1', kind: 'PolicyReplay', score },
    changed: changed.map(({ event, effect, reason, rule }) => ({
      ...{ decision: event.metadata.name, was: event.spec.effect, wouldBe: effect, reason, rule },
    })),
  }
  if (output === 'json') terminal.out(toJson(report))
  else if (output === 'yaml') terminal.out(toYaml(report))
  else {
    writeTable(context, changed)
    terminal.out(
      `${changed.length} of ${replayed.length} decisions would change: ${describeScore(score)}\n`,
    )
  }
  return changed.length === 0 ? 0 : 1
}

/** The objects of the cluster, those that the files hold in the place of their namesakes. */
function replaced(cluster: PolicySet, written: PolicySet): PolicySet {
  const policies = new Set(written.policies.map(nameOf))
  const limits = new Set(written.limits.map(titleOf))
  return {
    policies: [
      ...cluster.policies.filter((one) => !policies.has(nameOf(one))),
      ...written.policies,
    ],
    limits: [...cluster.limits.filter((one) => !limits.has(titleOf(one))), ...written.limits],
  }
}

function nameOf(parsed: ParsedPolicy): string {
  return parsed.ok ? parsed.policy.name : parsed.invalid.name
}

function titleOf(parsed: ParsedLimit): string {
  return limitTitle(limitOf(parsed))
}

const COLUMNS: readonly TableColumn<ReplayedDecision>[] = [
  { title: 'DECISION', cell: ({ event }) => event.metadata.name },
  { title: 'ROOT', cell: ({ event }) => event.spec.rootRequester },
  { title: 'REQUEST', cell: ({ event }) => askedText(event) },
  { title: 'WAS', cell: ({ event }) => event.spec.effect },
  { title: 'WOULD BE', cell: ({ effect }) => effect },
  { title: 'BECAUSE', cell: ({ reason, rule }) => `${reason}${rule === '' ? '' : ` (${rule})`}` },
]

function askedText({ spec }: AuditEventObject): string {
  return requestText(spec)
}

function writeTable(
  { terminal, headers }: CommandContext,
  changed: readonly ReplayedDecision[],
): void {
  if (changed.length === 0) return
  const table = createTableWriter(COLUMNS, changed)
  if (headers) terminal.out(`${table.header()}\n`)
  for (const row of changed) terminal.out(`${table.line(row)}\n`)
}
