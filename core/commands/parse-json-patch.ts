import type { ContainerCommand } from './container-command.ts'
import { parseContainers } from './parse-containers.ts'

const LISTS = ['initContainers', 'containers', 'ephemeralContainers']
/** Fields of a container that say what runs, or change it. */
const DECIDING = [
  ...['command', 'args', 'env', 'envFrom', 'volumeMounts', 'lifecycle'],
  ...['livenessProbe', 'readinessProbe', 'startupProbe'],
]
/** Fields whose loss takes something away that runs, or nothing. */
const MAY_GO = ['env', 'envFrom', 'volumeMounts', 'lifecycle', ...DECIDING.slice(6)]
const OPERATIONS_MAX = 1_024
const INSTEAD = 'patch with the whole container, its command written out'

/**
 * What a JSON patch (RFC 6902) makes containers run. A text says why that cannot be told: an operation that changes a
 * part of a command, or copies what is stored.
 */
export function parseJsonPatch(
  patch: unknown,
  lists: readonly string[] = LISTS,
): readonly ContainerCommand[] | string {
  if (!Array.isArray(patch)) return 'the JSON patch is no list of operations'
  if (patch.length > OPERATIONS_MAX) return 'the JSON patch has too many operations'
  const commands: ContainerCommand[] = []
  for (const [index, operation] of (patch as readonly unknown[]).entries()) {
    const read = parseOperation(operation, lists)
    if (typeof read === 'string') return `operation ${index} of the JSON patch ${read}`
    commands.push(...read)
  }
  return commands
}

function parseOperation(
  operation: unknown,
  lists: readonly string[],
): readonly ContainerCommand[] | string {
  const { op, path, value } = (operation ?? {}) as Readonly<Record<string, unknown>>
  if (typeof op !== 'string' || typeof path !== 'string') return 'has no op or no path'
  if (op === 'test') return []
  const segments = path.split('/').slice(1).map(decode)
  if (op === 'copy' || op === 'move') {
    const from = (operation as Readonly<Record<string, unknown>>)['from']
    const isMetadata = (text: unknown) => typeof text === 'string' && text.startsWith('/metadata/')
    return isMetadata(path) && isMetadata(from) ? [] : `copies what is stored; ${INSTEAD}`
  }
  if (op !== 'add' && op !== 'replace' && op !== 'remove') return `is of an unknown kind (${op})`
  const place = segments.findLastIndex((segment) => LISTS.includes(segment))
  const inside = segments.slice(place + 2)
  const [field = '', ...deeper] = inside
  if (place === -1 || inside.length === 0) {
    if (op === 'remove') return []
    const list = segments[place] ?? ''
    const isOne = place !== -1 && place + 1 < segments.length
    const whole = isOne ? { [list]: [value] } : { [segments.at(-1) ?? 'object']: value }
    return parseContainers(whole, 'whole', lists)
  }
  if (!DECIDING.includes(field)) return []
  if (op === 'remove')
    return MAY_GO.includes(field) ? [] : `takes ${field} away from a container; ${INSTEAD}`
  const list = segments[place] ?? ''
  const isEntry = ['env', 'envFrom', 'volumeMounts'].includes(field) && deeper.length === 1
  if (deeper.length > 0 && !isEntry) return `changes a part of ${field}; ${INSTEAD}`
  const container = { [field]: isEntry ? [value] : value }
  return parseContainers({ [list]: [container] }, 'patch', lists)
}

function decode(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}
