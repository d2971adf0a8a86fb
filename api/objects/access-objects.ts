import type { ChainPhase } from '../../core/chain.ts'
import type { ExecAttributes } from '../../core/kubernetes/exec-attributes.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { RecordingLevel } from '../../core/recording/session-event.ts'

/*
 * The objects of the API that people read (group access.lanyard.dev): written by the control plane,
 * read by the CLI. Field names are part of that API.
 */

export const ACCESS_API_VERSION = `${ACCESS_GROUP}/${ACCESS_VERSION}`

export interface AccessObjectMeta {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  /** RFC 3339, whole seconds, as Kubernetes writes it. */
  readonly creationTimestamp: string
}

export interface RequesterObject {
  readonly username: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface ActorObject {
  readonly namespace: string
  readonly name: string
  readonly podUid: string
  readonly serviceAccount: string
  /** What created the pod, nearest to its launcher first. */
  readonly via: readonly { readonly kind: string; readonly name: string }[]
}

export interface DelegationChainObject {
  readonly rootRequester: RequesterObject
  readonly coRequesters: readonly RequesterObject[]
  /** Outermost first; the last is the pod itself. */
  readonly actors: readonly ActorObject[]
}

export interface ClusterObject {
  /** UID of the namespace kube-system. */
  readonly id: string
  /** Absent when its administrators have not said. */
  readonly name?: string
}

/** The chain of one injected pod; named after the pod. */
export interface ChainObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'Chain'
  readonly metadata: AccessObjectMeta
  readonly spec: DelegationChainObject & {
    readonly podUid: string
    readonly cluster: ClusterObject
    /** Version of the sidecar that enrolled last; absent when it did not say. */
    readonly sidecarVersion?: string
    /** When the chain began, and when its root requester was last seen for it. */
    readonly beganAt: string
    readonly renewedAt: string
    /** Who reached into the pod by a credential of their own, and may have acted in it. */
    readonly visitors: readonly VisitorObject[]
    /** Visits of more people than are named. */
    readonly visitsOmitted: number
    /** When it ends, unless its root requester is seen for it before; absent where chains never end by age. */
    readonly endsAt?: string
    /** Who restarted, scaled, queued or placed what the pod comes from. Only where one chain is read. */
    readonly touches?: readonly TouchObject[]
  }
  readonly status: ChainStatusObject
}

export interface ChainStatusObject {
  /** Unknown while the end of the pod could have been missed. */
  readonly phase: ChainPhase
  /** When the pod was seen to have ended; absent while it has not. */
  readonly endedAt?: string
}

export interface VisitorObject {
  readonly username: string
  readonly kinds: readonly string[]
  readonly firstAt: string
  readonly lastAt: string
  readonly visits: number
  /** Whether they are a co-requester from then on. */
  readonly joined: boolean
}

/** What has to be done to a request that passes. */
export interface ObligationsObject {
  readonly mask: readonly string[]
  readonly record: RecordingLevel
  readonly commands: readonly (readonly string[])[]
}

/** The rules that matched for one principal. */
export interface MatchesObject {
  readonly principal: string
  readonly role: string
  readonly rules: readonly { readonly name: string; readonly effect: string }[]
}

/** A write that chose no code, by somebody who answers for nothing. */
export interface TouchObject {
  readonly username: string
  readonly at: string
  /** Of which object, as `Deployment/web`. */
  readonly object: string
  readonly fields: readonly string[]
}

/** What a pod asks for, and for whom: of a decision, and of a request that waits for an approval. */
export interface AskedRequestSpec {
  /** Name of the calling pod; its namespace is the object's own. */
  readonly pod: string
  readonly podUid: string
  readonly container: string
  readonly serviceAccount: string
  /** User name of the chain's root requester. */
  readonly rootRequester: string
  readonly chain: DelegationChainObject
  readonly verb: string
  readonly alsoVerbs: readonly string[]
  readonly apiGroup: string
  readonly resource: string
  readonly subresource: string
  /** Namespace and name of what is asked for. */
  readonly namespace: string
  readonly name: string
  readonly path: string
  readonly exec?: ExecAttributes
  readonly portForward?: { readonly ports: readonly number[] }
}

export interface AuditEventSpec extends AskedRequestSpec {
  readonly cluster: ClusterObject
  readonly decidedAt: string
  readonly effect: EffectWord
  readonly reason: string
  readonly refusedBy: string
  readonly rule: string
  readonly matches: readonly MatchesObject[]
  /** Absent when there are none. */
  readonly obligations?: ObligationsObject
  readonly observed: boolean
  readonly message: string
  readonly userAgent: string
  /** As whom the pod wanted to act; absent when as itself. */
  readonly impersonatedUser?: RequesterObject
  /** The request was sent to the API server before it was decided; absent when it waited. */
  readonly sentAhead?: true
  /** The access grant that let a held request pass; absent when none was needed. */
  readonly grant?: string
  /** Of a record that stands for several refusals: how many, until when, and some of them. */
  readonly refusals?: number
  readonly lastAt?: string
  readonly samples?: readonly string[]
}

/** How the API writes an effect. */
export type EffectWord = 'Allow' | 'Hold' | 'Deny'

export interface AuditEventStatus {
  /** Open until the request ended, and for ever when its sidecar died. */
  readonly phase: 'Open' | 'Complete'
  readonly httpStatus?: number
  readonly fault?: string
  readonly responseBytes?: number
  /** The API server's answer to a request that was sent ahead was thrown away. */
  readonly withheld?: true
  /** How many values of the answer were hidden, by mask; absent when none. */
  readonly masked?: readonly { readonly mask: string; readonly values: number }[]
  readonly completedAt?: string
  /** What became of the access requests that this hold has led to, oldest first; absent when there are none. */
  readonly accessChanges?: readonly AccessChangeObject[]
}

/** One change of an access request, or of its grant. */
export interface AccessChangeObject {
  readonly at: string
  readonly change: string
  /** Name of the access request. */
  readonly request: string
  /** User name; absent when time alone did it. */
  readonly by?: string
  readonly reason?: string
  readonly grant?: string
  readonly scope?: string
  /** SHA-256 of what is approved. */
  readonly digest: string
  /** A requester answered for themself. */
  readonly breakGlass?: true
}

/** One decision; named after its id in lower case. */
export interface AuditEventObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'AuditEvent'
  readonly metadata: AccessObjectMeta
  readonly spec: AuditEventSpec
  readonly status: AuditEventStatus
}
