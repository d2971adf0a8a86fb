import { listObjects } from '../../api/client/list-objects.ts'
import {
  ACCESS_GRANT_COLUMNS,
  ACCESS_REQUEST_COLUMNS,
} from '../../api/columns/access-request-columns.ts'
import {
  ACCESS_GRANTS,
  ACCESS_REQUESTS,
  type AccessGrantObject,
  type AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { createObjectStream, writeList } from '../terminal/object-writer.ts'
import { followObjects } from './follow-objects.ts'

/** Which requests or grants a command is about; what is absent does not matter. */
export interface ApprovalFilter {
  readonly pod?: string
  readonly root?: string
}

export interface RequestsOptions extends ApprovalFilter {
  /** Those that were answered or expired, too. */
  readonly all?: boolean
  readonly watch?: boolean
}

/** `requests`: what waits for an approval, oldest first, and with `--watch` what changes from then on. */
export async function runRequests(
  context: CommandContext,
  options: RequestsOptions,
): Promise<number> {
  const { client, program } = context
  const phase = options.all === true ? undefined : 'Pending'
  const selection = toSelection(context, options, { 'status.phase': phase })
  const list = await listObjects<AccessRequestObject>(client, ACCESS_REQUESTS, selection)
  if (options.watch === true) {
    const show = createObjectStream(context, ACCESS_REQUEST_COLUMNS, list.items)
    for (const item of list.items) show(item)
    // Every phase: who waits wants to see how each request ends.
    const watched = toSelection(context, options, {})
    return followObjects<AccessRequestObject>(context, {
      ...{ resource: ACCESS_REQUESTS, selection: watched, show },
      revision: list.metadata.resourceVersion,
      shown: list.items,
    })
  }
  const more =
    options.all === true ? '' : `; ${program} requests --all lists those that were answered`
  const none = `No ${options.all === true ? '' : 'waiting '}requests found${whereOf(context)}${more}.\n`
  writeList(context, ACCESS_REQUEST_COLUMNS, list, none)
  return 0
}

/** `grants`: what approvals allow now. */
export async function runGrants(context: CommandContext, filter: ApprovalFilter): Promise<number> {
  const selection = toSelection(context, filter, {})
  const list = await listObjects<AccessGrantObject>(context.client, ACCESS_GRANTS, selection)
  writeList(context, ACCESS_GRANT_COLUMNS, list, `No live grants found${whereOf(context)}.\n`)
  return 0
}

function toSelection(
  { client, allNamespaces }: CommandContext,
  { pod, root }: ApprovalFilter,
  fields: Readonly<Record<string, string | undefined>>,
) {
  return {
    scope: allNamespaces ? undefined : client.namespace,
    fields: { 'spec.pod': pod, 'spec.rootRequester': root, ...fields },
  }
}

function whereOf({ allNamespaces, client }: CommandContext): string {
  return allNamespaces ? '' : ` in ${escapeText(client.namespace)} namespace`
}
