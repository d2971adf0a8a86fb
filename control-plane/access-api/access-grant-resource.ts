import { ACCESS_GRANT_COLUMNS } from '../../api/columns/access-request-columns.ts'
import { ACCESS_GRANTS, type AccessGrantObject } from '../../api/objects/access-request-object.ts'
import type { Approvals } from '../approvals/approvals.ts'
import { isOpen } from '../approvals/is-open.ts'
import { AccessChangeReader } from './access-change-reader.ts'
import { toAccessGrantObject } from './access-request-object.ts'
import { type ApiResource, isSelected, type Selection } from './api-resource.ts'
import { isInNamespace, listByName, readPinned, toAccessFilter } from './list-by-name.ts'

const FIELDS = {
  'metadata.name': ({ metadata }: AccessGrantObject) => metadata.name,
  'metadata.namespace': ({ metadata }: AccessGrantObject) => metadata.namespace,
  'spec.pod': ({ spec }: AccessGrantObject) => spec.pod,
  'spec.rootRequester': ({ spec }: AccessGrantObject) => spec.rootRequester,
  'spec.request': ({ spec }: AccessGrantObject) => spec.request,
  'spec.scope': ({ spec }: AccessGrantObject) => spec.scope,
  'status.phase': ({ status }: AccessGrantObject) => status.phase,
}

/** Resource `accessgrants`: what approvals allow, in the namespace of the pod that asked; delete revokes. */
export function createAccessGrantResource(
  store: Approvals['store'],
): ApiResource<AccessGrantObject> {
  const isWanted = (selection: Selection, object: AccessGrantObject) =>
    isInNamespace(selection, object) && isSelected(FIELDS, selection.requirements, object)
  return {
    resource: ACCESS_GRANTS,
    kind: 'AccessGrant',
    singular: 'accessgrant',
    columns: ACCESS_GRANT_COLUMNS,
    description: 'What an approval allows. To delete it is to revoke it.',
    fields: Object.keys(FIELDS),
    actions: { verbs: ['delete'], subresources: {} },
    async get(namespace, name) {
      const found = store.grant(name)
      const isHere = found?.namespace === namespace && isOpen(found)
      return isHere ? toAccessGrantObject(found) : undefined
    },
    list(selection, request) {
      const filter = toAccessFilter(selection)
      const pinned = readPinned(selection, (name) => store.grant(name))
      return listByName(request, store.revision(), {
        read: pinned ?? ((afterId, limit) => store.grants(filter, afterId, limit)),
        select(found) {
          const object = toAccessGrantObject(found)
          return isOpen(found) && isWanted(selection, object) ? object : undefined
        },
      })
    },
    bounds: async () => ({ removedUntil: store.forgottenUntil(), newest: store.revision() }),
    whyGone: async () => undefined,
    openChanges: async (selection, after) =>
      new AccessChangeReader(
        store,
        (change) => {
          if (change.kind !== 'grant') return undefined
          const object = toAccessGrantObject(change.grant)
          return isWanted(selection, object)
            ? { object, gone: change.gone === true || !isOpen(change.grant) }
            : undefined
        },
        after,
      ),
    onCommit: (listener) => store.onChange(listener),
  }
}
