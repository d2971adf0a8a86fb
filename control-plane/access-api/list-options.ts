import { Fault } from '../../core/fault.ts'
import { type FieldRequirement, parseFieldSelector } from '../../core/kubernetes/field-selector.ts'
import { isTrue } from '../../core/kubernetes/query-values.ts'
import type { RequestInfo } from '../../core/kubernetes/request-info.ts'
import type { ListPosition } from './api-resource.ts'
import { parseContinueToken } from './continue-token.ts'
import { selectsUnlabelled } from './label-selector.ts'

/** Objects in one page: with 3 KB each, what kubectl asks for by default stays below 2 MB. */
const PAGE_OBJECTS_MAX = 500

/** Longest watch that a client can ask for; Go's clients ask for 5 to 10 minutes. */
const WATCH_SECONDS_MAX = 24 * 60 * 60

export interface ListOptions {
  readonly watch: boolean
  readonly limit: number
  readonly position?: ListPosition
  /** Empty when the client named none. */
  readonly resourceVersion: '' | number
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan'
  readonly requirements: readonly FieldRequirement[]
  /** False when the label selector wants a label: no object here has one. */
  readonly selectsUnlabelled: boolean
  readonly timeoutSeconds?: number
  readonly allowWatchBookmarks: boolean
  readonly sendInitialEvents?: boolean
  /** From `sinceTime` or `sinceSeconds`, as for the logs of a pod. */
  readonly sinceMs?: number
  /** From `untilTime`: only what was made before it. */
  readonly untilMs?: number
  /** Name of the object after which a list begins. */
  readonly after?: string
  /** From `tail`: only the newest objects. */
  readonly tail?: number
}

/**
 * Reads the query of a list or a watch. Parameters that are not known are ignored, as
 * kube-apiserver does. Throws `request_invalid`.
 */
export function parseListOptions(
  { query, attributes }: Pick<RequestInfo, 'query' | 'attributes'>,
  nowMs: number,
): ListOptions {
  const value = (key: string) => query.find(([candidate]) => candidate === key)?.[1] ?? ''
  const token = value('continue')
  const resourceVersion = parseResourceVersion(value('resourceVersion'))
  if (token !== '' && resourceVersion !== '' && resourceVersion !== 0) {
    throw new Fault('request_invalid', 'A resourceVersion must not be given with a continue token')
  }
  const timeoutSeconds = parseCount('timeoutSeconds', value('timeoutSeconds'), WATCH_SECONDS_MAX)
  const sinceMs = parseSince(value('sinceTime'), value('sinceSeconds'), nowMs)
  const untilMs = parseTime('untilTime', value('untilTime'))
  const after = value('after')
  const tail = parseCount('tail', value('tail'), PAGE_OBJECTS_MAX)
  const initial = value('sendInitialEvents')
  return {
    watch: attributes.verb === 'watch',
    limit: parseCount('limit', value('limit'), PAGE_OBJECTS_MAX) ?? PAGE_OBJECTS_MAX,
    ...(token === '' ? {} : { position: parseContinueToken(token) }),
    resourceVersion,
    resourceVersionMatch: parseMatch(value('resourceVersionMatch')),
    requirements: parseFieldSelector(value('fieldSelector')),
    selectsUnlabelled: selectsUnlabelled(value('labelSelector')),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    allowWatchBookmarks: isTrue(value('allowWatchBookmarks') || undefined),
    ...(initial === '' ? {} : { sendInitialEvents: isTrue(initial) }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(after === '' ? {} : { after }),
    ...(tail === undefined ? {} : { tail }),
  }
}

/** Absent and 0 mean no limit to Kubernetes, so both are undefined; above `max` is `max`. */
function parseCount(key: string, text: string, max: number): number | undefined {
  if (text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) {
    throw new Fault('request_invalid', `The parameter ${key} must be a whole number, not negative`)
  }
  const count = Number(text)
  return count === 0 ? undefined : Math.min(count, max)
}

function parseResourceVersion(text: string): '' | number {
  if (text === '') return ''
  if (!/^\d{1,15}$/.test(text)) {
    throw new Fault('request_invalid', `Invalid resource version ${JSON.stringify(text)}`)
  }
  return Number(text)
}

function parseMatch(text: string): ListOptions['resourceVersionMatch'] {
  if (text === '' || text === 'Exact' || text === 'NotOlderThan') return text
  throw new Fault('request_invalid', 'The resourceVersionMatch is either Exact or NotOlderThan')
}

function parseSince(time: string, seconds: string, nowMs: number): number | undefined {
  if (time !== '' && seconds !== '') {
    throw new Fault('request_invalid', 'Only one of sinceTime and sinceSeconds may be given')
  }
  if (time !== '') return parseTime('sinceTime', time)
  const count = parseCount('sinceSeconds', seconds, Number.MAX_SAFE_INTEGER)
  return count === undefined ? undefined : Math.max(0, nowMs - count * 1_000)
}

function parseTime(key: string, text: string): number | undefined {
  if (text === '') return undefined
  const timeMs = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) {
    throw new Fault('request_invalid', `The ${key} must be a time of RFC 3339`)
  }
  return timeMs
}
