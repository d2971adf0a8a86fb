import { Fault } from '../../core/fault.ts'
import type { ObjectMeta, OwnerReference, Pod } from '../../core/pods/pod.ts'
import type { AdmissionRequest } from './admission-review.ts'

/** Throws `request_invalid` for an object that has not the shape of a pod. */
export function parsePod(object: AdmissionRequest['object']): Pod {
  const spec = object?.['spec'] as Pod['spec'] | undefined
  const metadata = object?.['metadata']
  const lists = [spec?.containers, spec?.initContainers ?? [], spec?.volumes ?? []]
  const named = lists.every(
    (list) =>
      Array.isArray(list) &&
      list.every((item: unknown) => typeof (item as { name?: unknown } | null)?.name === 'string'),
  )
  if (object === undefined || typeof metadata !== 'object' || metadata === null || !named) {
    throw new Fault('request_invalid', 'The object is not a pod')
  }
  return object as unknown as Pod
}

/** The owner reference with `controller: true`; Kubernetes allows one at most. */
export function controllerOf(object: { readonly metadata?: unknown }): OwnerReference | undefined {
  const { ownerReferences } = (object.metadata ?? {}) as ObjectMeta
  if (!Array.isArray(ownerReferences)) return undefined
  return ownerReferences.find(({ controller }) => controller === true)
}
