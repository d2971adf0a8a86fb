import {
  ApiException,
  CustomObjectsApi,
  type KubeConfig,
  Observable,
  type ObservableMiddleware,
} from '@kubernetes/client-node'
import type { TargetObject } from '../../core/approvals/access-request.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'

/**
 * The object that a request is about, as it is now; with an empty `uid` where there is none. Throws
 * `permission_denied` where the control plane may not read it, and `decision_unavailable` without an answer.
 */
export type TargetReader = (attributes: RequestAttributes) => Promise<TargetObject>

const NO_OBJECT: TargetObject = { uid: '', resourceVersion: '' }

/** Nothing of an object but its metadata leaves kube-apiserver. */
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** Reads with the control plane's own service account, which the chart lets read what is listed there. */
export function createTargetReader(config: KubeConfig): TargetReader {
  const api = config.makeApiClient(CustomObjectsApi)
  return async function readTarget(attributes) {
    const { apiGroup: group, apiVersion: version, resource: plural, namespace, name } = attributes
    const parts = { group, version, plural, name }
    try {
      const object = (await (namespace === '' || plural === 'namespaces'
        ? api.getClusterCustomObject(parts, AS_METADATA)
        : api.getNamespacedCustomObject({ ...parts, namespace }, AS_METADATA))) as {
        readonly metadata?: {
          readonly name?: string
          readonly uid?: string
          resourceVersion?: string
        }
      }
      const { uid, resourceVersion = '', name: found } = object.metadata ?? {}
      if (uid === undefined || uid === '' || found !== name)
        throw new Fault('not_found', 'no metadata')
      return { uid, resourceVersion }
    } catch (error) {
      if (!(error instanceof ApiException)) throw unanswered(error)
      if (error.code === 404) return NO_OBJECT
      if (error.code === 403) throw unreadable(attributes)
      throw unanswered(error)
    }
  }
}

const AS_METADATA = {
  middleware: [asMetadata()],
  middlewareMergeStrategy: 'append' as const,
}

/** The client for objects of any type knows no core group, whose paths begin in another way. */
function asMetadata(): ObservableMiddleware {
  return {
    pre(context) {
      context.setUrl(context.getUrl().replace('/apis//', '/api/'))
      context.setHeaderParam('Accept', METADATA)
      return new Observable(Promise.resolve(context))
    },
    post: (context) => new Observable(Promise.resolve(context)),
  }
}

function unreadable({ apiGroup, resource }: RequestAttributes): Fault {
  const kind = apiGroup === '' ? resource : `${resource}.${apiGroup}`
  return new Fault(
    'permission_denied',
    `no approval can be bound to this object, since the control plane may not read ${kind}: have an administrator add them to controlPlane.approvals.targets of Lanyard's chart`,
  )
}

function unanswered(cause: unknown): Fault {
  return new Fault(
    'decision_unavailable',
    'Cannot tell which object the request is about: kube-apiserver did not say; try again',
    { cause },
  )
}
