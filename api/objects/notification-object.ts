import type { ACCESS_API_VERSION, AccessObjectMeta } from './access-objects.ts'

/** Plural name of the resource. */
export const NOTIFICATIONS = 'notifications'

/** One notice to one webhook, as long as the control plane runs. */
export interface NotificationObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'Notification'
  readonly metadata: AccessObjectMeta
  readonly spec: {
    /** Name of the webhook, as its Secret has it. */
    readonly webhook: string
    /** Such as `accessrequest.pending`. */
    readonly type: string
    /** Name of the AccessRequest. */
    readonly request: string
  }
  readonly status: {
    /** `Dead` is tried no more. */
    readonly phase: 'Waiting' | 'Delivered' | 'Dead'
    readonly attempts: number
    readonly lastAttemptAt?: string
    readonly nextAttemptAt?: string
    /** Why it failed last; absent when it did not. */
    readonly reason?: string
  }
}
