import { whyNotProtectable } from '../../core/pods/eligibility.ts'
import { type CheckOutcome, failure, ok, warning } from './check-item.ts'
import type { PodTemplates } from './read-templates.ts'
import { shortenLines } from './shorten-lines.ts'

const LINES_MAX = 20

/**
 * Whether the injector would take every pod of a namespace, in the injector's own words. Where the
 * namespace is opted in it is an error, since such pods cannot be made; before, a warning.
 * `apiAudiences` are the API server's audiences besides the usual ones.
 */
export function checkWorkloads(
  { templates, unread }: PodTemplates,
  optedIn: boolean,
  apiAudiences: readonly string[],
): CheckOutcome {
  const lines = templates.flatMap(({ what, pod }) => {
    const reason = whyNotProtectable(pod, apiAudiences)
    return reason === undefined ? [] : [`${what}: ${reason}`]
  })
  const hints = [...shortenLines(lines, LINES_MAX), ...advice(lines.length), ...notRead(unread)]
  if (lines.length > 0) return optedIn ? failure(...hints) : warning(...hints)
  if (unread.length > 0) return warning(...hints)
  return ok(`${templates.length} ${templates.length === 1 ? 'workload' : 'workloads'}`)
}

function advice(count: number): readonly string[] {
  return count === 0
    ? []
    : [
        'pods of these are refused where Lanyard is on: change them, or run them in another namespace',
      ]
}

function notRead(unread: readonly string[]): readonly string[] {
  return unread.length === 0
    ? []
    : [`cannot check ${unread.join(', ')}: ask an administrator for the verb list on them`]
}
