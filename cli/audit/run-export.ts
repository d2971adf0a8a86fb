import { setTimeout as sleep } from 'node:timers/promises'
import { listAuditEvents } from '../../api/client/access-client.ts'
import { type DecisionQuery, readEvery } from '../../api/client/read-decisions.ts'
import { EXPIRED } from '../../api/client/request-fault.ts'
import { AUDIT_FORMS, type AuditFormName } from '../../api/forms/audit-form.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault, type FaultCode } from '../../core/fault.ts'
import { type Moment, toUnixMs } from '../../core/moment.ts'
import { createCollector, keepYoungSpaceSmall } from '../../platform/collect-garbage.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJsonLine } from '../terminal/output-format.ts'
import { type DecisionFilter, toSelection } from './decision-filter.ts'
import { openExportFile } from './export-file.ts'
import { type ExportSink, toStdout } from './export-sink.ts'

export interface ExportOptions extends DecisionFilter {
  readonly until?: Moment
  readonly format: AuditFormName
  readonly outputFile?: string
  readonly resume: boolean
  /** Name of a decision: what was recorded after it. */
  readonly after?: string
}

/** 10,000 decisions: a collection takes some 10 ms. */
const PAGES_PER_COLLECTION = 20

/** How far an export is. */
interface Progress {
  count: number
  /** Name of the last decision that was written. */
  last: string | undefined
}

/** `audit export`: decisions as JSON lines, a page at a time, so that their number does not matter. */
export async function runExport(context: CommandContext, options: ExportOptions): Promise<number> {
  const { terminal } = context
  const query = toQuery(context, options)
  const sink = await openSink(context, options)
  const progress: Progress = { count: 0, last: options.after ?? sink.after }
  const tell = createTeller(context, progress)
  const { toObject } = AUDIT_FORMS[options.format]
  keepYoungSpaceSmall()
  const collect = createCollector()
  let pagesSince = 0
  const from = progress.last === undefined ? {} : { after: progress.last }
  try {
    const pages = readEvery(context.client, { ...query, ...from }, patiently(context))
    for await (const { items } of pages) {
      await sink.write(items.map((event) => toJsonLine(toObject(event))).join(''))
      progress.count += items.length
      progress.last = items.at(-1)?.metadata.name ?? progress.last
      tell(items.at(-1)?.spec.decidedAt)
      pagesSince += 1
      collect(pagesSince % PAGES_PER_COLLECTION === 0 ? 'major' : 'minor')
    }
  } catch (error) {
    throw interrupted(Fault.from(error), options, progress)
  } finally {
    await sink.close()
  }
  const into = options.outputFile === undefined ? '' : ` to ${escapeText(options.outputFile)}`
  terminal.err(`Exported ${spell(progress.count)}${into}${emptyHint(context, progress.count)}.\n`)
  return 0
}

function toQuery(context: CommandContext, options: ExportOptions): DecisionQuery {
  const selection = toSelection(context, options)
  const { sinceMs } = selection
  const untilMs = options.until && toUnixMs(options.until, context.now())
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs) {
    throw new Fault(
      'request_invalid',
      'Nothing lies between --since and --until: since is not before until',
    )
  }
  return {
    ...selection,
    ...(untilMs === undefined ? {} : { untilMs }),
    progress: () => {},
  }
}

async function openSink(
  { terminal }: CommandContext,
  { outputFile, resume, format }: ExportOptions,
): Promise<ExportSink> {
  if (outputFile === undefined) return toStdout(terminal)
  return openExportFile({ path: outputFile, resume, form: format, tell: terminal.err })
}

/** Faults that pass by themselves, as while the control plane is replaced. */
const PASSING: readonly FaultCode[] = ['upstream_unavailable', 'overloaded', 'decision_unavailable']
/** Before a page is asked for again, in milliseconds: half a minute together. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000]

/** Asks for a page again when it does not come; not for the first, which shows whether it can be had. */
function patiently({ terminal }: CommandContext): typeof listAuditEvents {
  return async function list(client, scope, query) {
    for (const pauseMs of query['continue'] === undefined ? [] : PAUSES_MS) {
      try {
        return await listAuditEvents(client, scope, query)
      } catch (error) {
        const fault = Fault.from(error)
        if (!PASSING.includes(fault.code)) throw fault
        terminal.err(`${escapeText(fault.message)}\nTrying again in ${pauseMs / 1_000} s.\n`)
        await sleep(pauseMs)
      }
    }
    return listAuditEvents(client, scope, query)
  }
}

const TELL_MS = 5_000

/** Says every few seconds how far it is, to a person who watches. */
function createTeller({ terminal }: CommandContext, progress: Progress) {
  let dueAt = performance.now() + TELL_MS
  return function tell(decidedAt: string | undefined): void {
    if (!terminal.watched || performance.now() < dueAt) return
    dueAt = performance.now() + TELL_MS
    const upTo = decidedAt === undefined ? '' : `, up to ${decidedAt}`
    terminal.err(`Exported ${spell(progress.count)}${upTo} …\n`)
  }
}

/** The fault, with how to continue after what was written. */
function interrupted(
  fault: Fault,
  { outputFile }: ExportOptions,
  { count, last }: Progress,
): Fault {
  if (fault.cause === EXPIRED && count === 0) {
    const how =
      outputFile === undefined
        ? 'The same command without --after'
        : 'The same command without --resume or --after, into another file,'
    return new Fault(
      fault.code,
      `${fault.message}. ${how} continues with the oldest decision that is on record; decisions between the two are lost`,
      { cause: fault },
    )
  }
  if (count === 0 || last === undefined) return fault
  const how = outputFile === undefined ? `--after ${last}` : '--resume'
  return new Fault(
    fault.code,
    `${fault.message}. Exported ${spell(count)} before: the same command with ${how} continues there`,
    { cause: fault },
  )
}

function emptyHint({ allNamespaces, client }: CommandContext, count: number): string {
  if (count > 0 || allNamespaces) return ''
  return ` of pods in namespace ${escapeText(client.namespace)} (-A exports those of every namespace)`
}

function spell(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'decision' : 'decisions'}`
}
