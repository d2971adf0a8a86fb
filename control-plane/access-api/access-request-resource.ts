import { ACCESS_REQUEST_COLUMNS } from '../../api/columns/access-request-columns.ts'
import {
  ACCESS_REQUESTS,
  type AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import type { Approvals } from '../approvals/approvals.ts'
import { AccessChangeReader } from './access-change-reader.ts'
import { toAccessRequestObject } from './access-request-object.ts'
import { type ApiResource, isSelected, pinnedValue, type Selection } from './api-resource.ts'
import { isInNamespace, listByName, readPinned, toAccessFilter } from './list-by-name.ts'

const FIELDS = {
  'metadata.name': ({ metadata }: AccessRequestObject) => metadata.name,
  'metadata.namespace': ({ metadata }: AccessRequestObject) => metadata.namespace,
  'spec.pod': ({ spec }: AccessRequestObject) => spec.pod,
  'spec.rootRequester': ({ spec }: AccessRequestObject) => spec.rootRequester,
  'spec.verb': ({ spec }: AccessRequestObject) => spec.verb,
  'spec.resource': ({ spec }: AccessRequestObject) => spec.resource,
  'spec.digest': ({ spec }: AccessRequestObject) => spec.digest,
  'status.phase': ({ status }: AccessRequestObject) => status.phase,
}

/** Resource `accessrequests`: requests that wait for an approval, or did, in the namespace of the pod that asks. */
export function createAccessRequestResource(
  store: Approvals['store'],
): ApiResource<AccessRequestObject> {
  const isWanted = (selection: Selection, object: AccessRequestObject) =>
    isInNamespace(selection, object) && isSelected(FIELDS, selection.requirements, object)
  return {
    resource: ACCESS_REQUESTS,
    kind: 'AccessRequest',
    singular: 'accessrequest',
    columns: ACCESS_REQUEST_COLUMNS,
    description: 'A request of a pod that waits for an approval, or did.',
    fields: Object.keys(FIELDS),
    actions: {
      verbs: [],
      subresources: { content: ['get'], approve: ['create'], deny: ['create'], cancel: ['create'] },
      answers: { content: 'AccessRequestContent' },
    },
    async get(namespace, name) {
      const found = store.get(name)
      return found?.held.caller.namespace === namespace ? toAccessRequestObject(found) : undefined
    },
    list(selection, request) {
      const pendingOnly = pinnedValue(selection, 'status.phase') === 'Pending'
      const filter = { ...toAccessFilter(selection), ...(pendingOnly ? { pendingOnly } : {}) }
      const pinned = readPinned(selection, (name) => store.get(name))
      return listByName(request, store.revision(), {
        read: pinned ?? ((afterId, limit) => store.list(filter, afterId, limit)),
        select(found) {
          const object = toAccessRequestObject(found)
          return isWanted(selection, object) ? object : undefined
        },
      })
    },
    bounds: async () => ({ removedUntil: store.forgottenUntil(), newest: store.revision() }),
    whyGone: async () => undefined,
    openChanges: async (selection, after) =>
      new AccessChangeReader(
        store,
        (change) => {
          if (change.kind !== 'request') return undefined
          const object = toAccessRequestObject(change.request)
          return isWanted(selection, object) ? { object, gone: change.gone === true } : undefined
        },
        after,
      ),
    onCommit: (listener) => store.onChange(listener),
  }
}
