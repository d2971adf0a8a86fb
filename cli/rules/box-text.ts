import { type Box, type Point, pointOf } from '../../core/policy/boxes/box.ts'
import { ALL_TEXTS, describeTexts } from '../../core/policy/boxes/text-set.ts'

/** What is shown of a box, each column in words. */
export interface BoxRow {
  readonly verbs: string
  readonly resources: string
  readonly apiGroups: string
  readonly namespaces: string
  readonly names: string
  /** What has to be so besides, or be done; empty for nothing. */
  readonly only: string
}

const REQUEST = ['verb', 'apiGroup', 'resource', 'subresource', 'namespace', 'name']

/** A box as a row of a table. */
export function toBoxRow(box: Box): BoxRow {
  const text = (dimension: string) => describeTexts(box.get(dimension) ?? ALL_TEXTS)
  const isPath = text('kind') === 'path'
  const subresource = text('subresource')
  const below = { any: '/*', '""': '' }[subresource] ?? `/(${subresource})`
  return {
    verbs: text('verb'),
    resources: isPath ? `path ${text('path')}` : `${text('resource')}${below}`,
    apiGroups: isPath ? '' : text('apiGroup'),
    namespaces: isPath ? '' : text('namespace').replaceAll('""', 'all together'),
    names: isPath ? '' : text('name').replaceAll('""', 'none named'),
    only: conditionsOf(box).join('; '),
  }
}

function conditionsOf(box: Box): readonly string[] {
  return [...box].flatMap(([dimension, set]) => {
    if ([...REQUEST, 'kind', 'path'].includes(dimension)) return []
    const values = describeTexts(set)
    if (dimension.startsWith('subject '))
      return values === 'yes' ? [`for ${dimension.slice(8)}`] : []
    if (dimension === 'rbac')
      return [`where RBAC ${values === 'allows' ? 'allows' : 'does not allow'} it`]
    if (dimension === 'guard') return values === 'none' ? [] : [`guard ${values}`]
    if (dimension.startsWith('when ')) return [`${dimension} is ${values}`]
    return [values === 'any but undone' ? `only with ${dimension}` : `without ${dimension}`]
  })
}

/** Which texts make a request that somebody could send. */
const LIKELY = {
  verb: ['get', 'list', 'create', 'delete', 'update', 'patch', 'watch', 'deletecollection'],
  apiGroup: ['', 'apps', 'batch'],
  resource: ['pods', 'secrets', 'configmaps', 'deployments'],
  subresource: ['', 'log', 'exec', 'status'],
  namespace: ['default', 'team', ''],
} as const

/** A request of a box, in the words of kubectl, with what has to be so. */
export function describeWitness(box: Box): string {
  const first = pointOf(box, LIKELY)
  const isNameless = ['list', 'watch', 'create', 'deletecollection'].includes(
    first.get('verb') ?? '',
  )
  const point: Point = pointOf(box, { ...LIKELY, name: isNameless ? ['', 'x'] : ['x', ''] })
  const at = (dimension: string) => point.get(dimension) ?? ''
  const conditions = conditionsOf(box)
  const only = conditions.length === 0 ? '' : ` (${conditions.join('; ')})`
  if (describeTexts(box.get('kind') ?? ALL_TEXTS) === 'path')
    return `${at('verb')} ${at('path')}${only}`
  const group = at('apiGroup') === '' ? '' : `.${at('apiGroup')}`
  const sub = at('subresource') === '' ? '' : `/${at('subresource')}`
  const name = at('name') === '' ? '' : ` ${at('name')}`
  const where = at('namespace') === '' ? 'in no namespace' : `in namespace ${at('namespace')}`
  return `${at('verb')} ${at('resource')}${group}${sub}${name} ${where}${only}`
}
