import type { AccessObject } from '../objects/access-object.ts'
import {
  accessPath,
  type FieldValues,
  fieldSelector,
  type ObjectList,
  type Scope,
} from './access-client.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

const PAGE = '500'

/** Which objects of a resource a list is of. */
export interface ObjectSelection {
  readonly scope: Scope
  readonly fields: FieldValues
}

/** Every object of a list, with the metadata of its first page. */
export async function listObjects<Item extends AccessObject>(
  client: KubernetesClient,
  resource: string,
  { scope, fields }: ObjectSelection,
): Promise<ObjectList<Item>> {
  const path = accessPath(resource, scope)
  const query = { fieldSelector: fieldSelector(fields), limit: PAGE }
  const first = await client.get<ObjectList<Item>>(path, query)
  const items = [...first.items]
  let token = first.metadata.continue
  while (token !== undefined && token !== '') {
    const page: ObjectList<Item> = await client.get(path, { ...query, continue: token })
    items.push(...page.items)
    token = page.metadata.continue
  }
  return { ...first, metadata: { resourceVersion: first.metadata.resourceVersion }, items }
}
