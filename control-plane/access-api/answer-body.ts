import { z } from 'zod'
import { type ApprovalScope, SCOPES } from '../../core/approvals/approval.ts'
import { Fault } from '../../core/fault.ts'
import { hasDuplicateKey } from '../../core/kubernetes/has-duplicate-key.ts'
import { checkedReason, DIGEST } from '../approvals/answer-bounds.ts'
import { REASON_CHARACTERS_MAX } from '../approvals/clean-reason.ts'

const typeMeta = { apiVersion: z.string().optional(), kind: z.string().optional() }
const reason = z.string().max(REASON_CHARACTERS_MAX).default('')
const digest = z.string().regex(DIGEST)

/* Nothing has a default that widens: who approves says the scope, and which bytes they have seen. */
const approveSchema = z.strictObject({ ...typeMeta, digest, scope: z.enum(SCOPES), reason })
const denySchema = z.strictObject({ ...typeMeta, digest, reason })
const cancelSchema = z.strictObject({ ...typeMeta, reason })

/** What an approver sends. */
export interface ApproveAnswer {
  readonly digest: string
  readonly scope: ApprovalScope
  readonly reason: string
}

/** Reads the body of `approve`. Throws `request_invalid` with the field for whatever is not exactly that. */
export function parseApprove(text: string): ApproveAnswer {
  const { digest, scope, reason } = parse(
    approveSchema,
    text,
    '{"digest": "DIGEST of the request that you have read", "scope": "request, command or rule", "reason": "TEXT"}',
  )
  return { digest, scope, reason }
}

/** Reads the body of `deny`. Throws `request_invalid`. */
export function parseDeny(text: string): Omit<ApproveAnswer, 'scope'> {
  const { digest, reason } = parse(
    denySchema,
    text,
    '{"digest": "DIGEST of the request that you have read", "reason": "TEXT"}',
  )
  return { digest, reason }
}

/** Reads the body of `cancel`, which may be empty. Throws `request_invalid`. */
export function parseCancel(text: string): string {
  return text.trim() === '' ? '' : parse(cancelSchema, text, '{"reason": "TEXT"}').reason
}

/** What of DeleteOptions matters for a revocation. */
export interface DeletePreconditions {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
}

const deleteSchema = z.looseObject({
  dryRun: z.array(z.string()).nullish(),
  preconditions: z
    .looseObject({ uid: z.string().optional(), resourceVersion: z.string().optional() })
    .nullish(),
})

/** Reads the body of a delete, which may be empty. Throws `request_invalid`, also for a dry run. */
export function parseDelete(text: string): DeletePreconditions {
  if (text.trim() === '') return {}
  const want = 'DeleteOptions as JSON'
  const { dryRun, preconditions } = parse(deleteSchema, text, want)
  refuseDryRun((dryRun ?? []).length > 0)
  return { uid: preconditions?.uid, resourceVersion: preconditions?.resourceVersion }
}

/** Throws `request_invalid` for an answer that is to be only tried: it would be given. */
export function refuseDryRun(isDry: boolean): void {
  if (!isDry) return
  throw new Fault(
    'request_invalid',
    'An answer cannot be tried by a dry run: the subresource content says what you may do',
  )
}

/** The reason of a query. Throws `request_invalid` when there are two, or when it is too long. */
export function parseQueryReason(query: readonly (readonly [string, string])[]): string {
  const values = query.filter(([key]) => key === 'reason').map(([, value]) => value)
  if (values.length > 1) throw new Fault('request_invalid', 'Only one reason may be given')
  return checkedReason(values[0] ?? '')
}

function parse<Schema extends z.ZodObject>(
  schema: Schema,
  text: string,
  want: string,
): z.infer<Schema> {
  const result = schema.safeParse(parseJson(text), { jitless: true })
  if (result.success) return result.data
  const fields = result.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : []
    return [...issue.path.map(String), ...keys].join('.') || 'the body'
  })
  throw new Fault('request_invalid', `Wrong or missing: ${fields.join(', ')}. Want ${want}`)
}

function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Fault('request_invalid', 'The body is no JSON', { cause: error })
  }
  if (!hasDuplicateKey(text)) return value
  throw new Fault('request_invalid', 'The body has a key twice, so it has no single meaning')
}
