import type { PodTemplateBody } from '../commands/container-command.ts'
import type { CredentialBody } from '../kubernetes/credential-body.ts'
import type { Impersonation } from '../kubernetes/impersonation.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'

/** What is judged of one request. */
export interface JudgedRequest {
  readonly attributes: RequestAttributes
  /** Container that an exec, attach or log request names; empty when it names none. */
  readonly targetContainer: string
  /** As whom the request is made; absent when as the pod itself. */
  readonly impersonation?: Impersonation | undefined
  /** A question about what may be asked: without a name it is about the pods that the chain launched. */
  readonly prospective?: true
  /** What the body of a TokenRequest or of a new Secret says, where the sidecar could read it. */
  readonly credentialBody?: CredentialBody
  /** What the pods that the request makes would run. Absent when the request makes no pods, or the sidecar cannot tell. */
  readonly template?: PodTemplateBody
}

/** One question of a sidecar to the control plane. */
export interface Question extends JudgedRequest {
  /** Container of the pod that asked, proven by its token. */
  readonly container: string
  readonly userAgent: string
  /** Why the sidecar itself refused; empty when it asks. */
  readonly refusedBecause: string
  /** An approval under which the held bytes of the request are to be sent; absent where none is known. */
  readonly approval?: ApprovalUse
}

/** By which approval a request may pass. */
export interface ApprovalUse {
  /** Of the access request: SHA-256, in hexadecimal. */
  readonly digest: string
  /** Of the grant that let it pass; absent until then, and never told by a sidecar. */
  readonly grantId?: string
}
