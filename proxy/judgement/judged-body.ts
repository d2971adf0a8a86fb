import type { CredentialBody } from '../../core/kubernetes/credential-body.ts'

/** A body that was read before the decision: its bytes, which are sent on, and what they say. */
export interface JudgedBody {
  readonly bytes: Buffer
  /** Undefined when it cannot be told. */
  readonly says: CredentialBody | undefined
}
