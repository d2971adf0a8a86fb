import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import type { Style } from '../terminal/terminal.ts'
import { apiChecks, createApiServiceReader } from './api-checks.ts'
import { type CheckItem, type CheckOutcome, type CheckResult, runItem } from './check-item.ts'
import { installationChecks } from './installation-checks.ts'
import { namespaceChecks } from './namespace-checks.ts'
import { recordChecks } from './record-checks.ts'

interface DoneItem extends CheckOutcome {
  readonly category: string
  readonly title: string
}

/** `check`: looks at the installation line by line. 1 when something is wrong, 0 with warnings. */
export async function runCheck(context: CommandContext, only: string | undefined): Promise<number> {
  const { terminal, output } = context
  const asText = output === undefined || output === 'wide'
  const done: DoneItem[] = []
  for await (const item of runItems(context, only)) {
    if (asText) terminal.out(itemText(context, item, done.at(-1)?.category))
    done.push(item)
  }
  const worst = worstOf(done)
  if (output === 'json') terminal.out(toJson(report(done, worst)))
  else if (output === 'yaml') terminal.out(toYaml(report(done, worst)))
  else terminal.out(summary(context, done, worst))
  return worst === 'error' ? 1 : 0
}

async function* runItems(
  context: CommandContext,
  only: string | undefined,
): AsyncGenerator<DoneItem, void> {
  const readApiService = createApiServiceReader(context)
  const stages: readonly (() => Promise<readonly CheckItem[]>)[] = [
    async () => apiChecks(context, readApiService, only),
    async () => installationChecks(context, readApiService),
    async () => recordChecks(context),
    () => namespaceChecks(context, only),
  ]
  for (const stage of stages) {
    for (const item of await stage()) {
      const outcome = await runItem(item)
      yield { category: item.category, title: item.title, ...outcome }
      if (item.fatal === true && outcome.result === 'error') return
    }
  }
}

const MARKS: Readonly<Record<CheckResult, { readonly mark: string; readonly style: Style }>> = {
  ok: { mark: '√', style: 'green' },
  warning: { mark: '‼', style: 'yellow' },
  error: { mark: '×', style: 'red' },
}

function itemText(
  { terminal }: CommandContext,
  { category, title, result, note, hints = [] }: DoneItem,
  previousCategory: string | undefined,
): string {
  const { mark, style } = MARKS[result]
  const gap = previousCategory === undefined ? '' : '\n'
  const head =
    category === previousCategory ? '' : `${gap}${category}\n${'-'.repeat(category.length)}\n`
  const suffix = note === undefined ? '' : ` (${escapeText(note)})`
  const line = `${terminal.style(style, mark)} ${escapeText(title)}${suffix}\n`
  return head + line + hints.map((hint) => `    ${escapeText(hint)}\n`).join('')
}

function worstOf(done: readonly DoneItem[]): CheckResult {
  const results = done.map(({ result }) => result)
  if (results.includes('error')) return 'error'
  return results.includes('warning') ? 'warning' : 'ok'
}

function summary(
  { terminal }: CommandContext,
  done: readonly DoneItem[],
  worst: CheckResult,
): string {
  const count = (wanted: CheckResult) => done.filter(({ result }) => result === wanted).length
  const plural = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`
  const { mark, style } = MARKS[worst]
  const counts = `${count('ok')} ok, ${plural(count('warning'), 'warning')}, ${plural(count('error'), 'error')}`
  return `\nStatus check results are ${terminal.style(style, mark)}   (${counts})\n`
}

function report(done: readonly DoneItem[], worst: CheckResult): unknown {
  return {
    apiVersion: 'lanyard.dev/v1alpha1',
    kind: 'CheckReport',
    result: worst,
    checks: done.map(({ category, title, result, note, hints = [] }) => ({
      category,
      title,
      result,
      ...(note === undefined ? {} : { note }),
      hints,
    })),
  }
}
