import { escapeText } from '../../core/escape-text.ts'
import { boxOutside, type Region, regionWithout } from '../../core/policy/boxes/region.ts'
import { setRegion } from '../../core/policy/boxes/set-region.ts'
import type { CommandContext } from '../command/command-context.ts'
import { type BoxRow, describeWitness, toBoxRow } from '../rules/box-text.ts'
import { type PolicyFiles, readValidPolicies } from '../rules/read-policy-files.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { createTableWriter, type TableColumn } from '../terminal/table-writer.ts'

const ROWS_MAX = 20

interface RegionChange {
  readonly change: 'added' | 'removed'
  readonly row: BoxRow
}

/** `policy diff`: what a change lets pass besides, and no longer. 1 when it lets anything pass that did not before. */
export async function runPolicyDiff(
  context: CommandContext,
  before: string,
  after: string,
): Promise<number> {
  const { terminal, output } = context
  const [one, other] = [
    regionOf(await readValidPolicies([before])),
    regionOf(await readValidPolicies([after])),
  ]
  const witness = boxOutside(other, one)
  const changes = [...changesOf('added', other, one), ...changesOf('removed', one, other)]
  const widens = witness === undefined ? undefined : describeWitness(witness)
  const report = {
    ...{ apiVersion: 'lanyard.dev/v1alpha1', kind: 'PolicyDiff', widens: widens !== undefined },
    ...(widens === undefined ? {} : { witness: widens }),
    changes: changes.map(({ change, row }) => ({ change, ...row })),
  }
  if (output === 'json') terminal.out(toJson(report))
  else if (output === 'yaml') terminal.out(toYaml(report))
  else {
    writeTable(context, changes)
    terminal.out(`${summary(changes, widens)}\n`)
  }
  return widens === undefined ? 0 : 1
}

function summary(changes: readonly RegionChange[], widens: string | undefined): string {
  if (widens !== undefined)
    return escapeText(`wider: it lets pass what did not pass before, such as ${widens}`)
  return changes.length === 0
    ? 'the same: each lets pass what the other does'
    : 'narrower: nothing is let pass that did not pass before'
}

function regionOf({ policies, limits }: PolicyFiles): Region {
  return setRegion(
    policies.flatMap((one) => (one.ok ? [one.policy] : [])),
    limits.flatMap((one) => (one.ok ? [one.limit] : [])),
  )
}

function changesOf(
  change: RegionChange['change'],
  one: Region,
  other: Region,
): readonly RegionChange[] {
  return regionWithout(one, other).map((box) => ({ change, row: toBoxRow(box) }))
}

const COLUMNS: readonly TableColumn<RegionChange>[] = [
  { title: 'CHANGE', cell: ({ change }) => change },
  { title: 'VERBS', cell: ({ row }) => row.verbs },
  { title: 'RESOURCES', cell: ({ row }) => row.resources },
  { title: 'GROUPS', cell: ({ row }) => row.apiGroups },
  { title: 'NAMESPACES', cell: ({ row }) => row.namespaces },
  { title: 'NAMES', cell: ({ row }) => row.names },
  { title: 'ONLY', cell: ({ row }) => row.only || '-' },
]

function writeTable({ terminal, headers }: CommandContext, changes: readonly RegionChange[]): void {
  if (changes.length === 0) return
  const shown = changes.slice(0, ROWS_MAX)
  const table = createTableWriter(COLUMNS, shown)
  if (headers) terminal.out(`${table.header()}\n`)
  for (const row of shown) terminal.out(`${table.line(row)}\n`)
  if (changes.length > ROWS_MAX) {
    terminal.out(`… and ${changes.length - ROWS_MAX} more: -o json shows all of them\n`)
  }
}
