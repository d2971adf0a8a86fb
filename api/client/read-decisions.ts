import type { AuditEventObject } from '../objects/access-objects.ts'
import { listAuditEvents, type ObjectList, type Scope } from './access-client.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

/** Most objects in one answer of the API. */
const PAGE = 500

/** Which decisions are read, and whom to tell how many were looked at. */
export interface DecisionQuery {
  readonly scope: Scope
  readonly selector: string | undefined
  /** What the API cannot select; absent when there is nothing more to look at. */
  readonly matches?: (event: AuditEventObject) => boolean
  /** Unix milliseconds; only those decided then or later. */
  readonly sinceMs?: number
  /** Unix milliseconds; only those decided before. */
  readonly untilMs?: number
  /** Name of a decision: only those put on record after it. */
  readonly after?: string
  readonly progress: (count: number) => void
}

/**
 * Every decision, oldest first, page by page; all pages have the revision of the first. `list` asks for
 * one page: another one can ask again when the server is away for a moment.
 */
export async function* readEvery(
  client: KubernetesClient,
  query: DecisionQuery,
  list: typeof listAuditEvents = listAuditEvents,
): AsyncGenerator<ObjectList<AuditEventObject>, void> {
  let token: string | undefined
  do {
    const page: ObjectList<AuditEventObject> = await list(client, query.scope, {
      ...common(query),
      limit: String(PAGE),
      continue: token,
    })
    query.progress(page.items.length)
    yield withItems(page, selected(query, page.items))
    token = page.metadata.continue
  } while (token !== undefined && token !== '')
}

/**
 * The newest decisions, oldest first. The API gives as many as one answer holds from the end of the
 * log; when that is not enough, the log is read from its beginning, so that none is missing.
 */
export async function readNewest(
  client: KubernetesClient,
  query: DecisionQuery,
  count: number,
): Promise<ObjectList<AuditEventObject>> {
  const tail = query.matches === undefined ? Math.min(count, PAGE) : PAGE
  const end = await listAuditEvents(client, query.scope, { ...common(query), tail: String(tail) })
  const found = selected(query, end.items)
  if (found.length >= count || end.items.length < tail) return withItems(end, found.slice(-count))

  let newest: AuditEventObject[] = []
  let first: ObjectList<AuditEventObject> = end
  for await (const page of readEvery(client, query)) {
    if (first === end) first = page
    newest.push(...page.items)
    if (newest.length > 2 * count + PAGE) newest = newest.slice(-count)
  }
  return withItems(first, newest.slice(-count))
}

function common({ selector, sinceMs, untilMs, after }: DecisionQuery) {
  return {
    fieldSelector: selector,
    sinceTime: sinceMs === undefined ? undefined : new Date(Math.max(0, sinceMs)).toISOString(),
    untilTime: untilMs === undefined ? undefined : new Date(Math.max(0, untilMs)).toISOString(),
    after,
  }
}

function selected(
  { matches }: DecisionQuery,
  items: readonly AuditEventObject[],
): readonly AuditEventObject[] {
  return matches === undefined ? items : items.filter(matches)
}

/** The list as one that is whole. */
function withItems(
  { kind, apiVersion, metadata }: ObjectList<AuditEventObject>,
  items: readonly AuditEventObject[],
): ObjectList<AuditEventObject> {
  return { kind, apiVersion, metadata: { resourceVersion: metadata.resourceVersion }, items }
}
