import {
  CONTROLLER_MANAGER,
  madeFor,
  OBJECT_MAKERS,
} from '../../core/kubernetes/built-in-controllers.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { groupOf } from '../../core/kubernetes/workload-kinds.ts'

/** The owner reference with `controller: true` of an object that is being admitted. */
export interface ControllerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** Whether a user is the registered controller for this very owner's kind. */
export function isControllerOf(user: UserInfo, owner: ControllerReference): boolean {
  const makes = (controller: { readonly group: string; readonly kind: string } | undefined) =>
    controller?.kind === owner.kind && controller.group === groupOf(owner.apiVersion)
  if (user.username === CONTROLLER_MANAGER) return Object.values(OBJECT_MAKERS).some(makes)
  return makes(madeFor(user.username))
}
