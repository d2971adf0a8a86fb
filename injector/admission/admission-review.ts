import { z } from 'zod'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'

const text = z.string().default('')

const userInfo = z.object({
  username: z.string().min(1),
  uid: text,
  groups: z.array(z.string()).nullish(),
  extra: z.record(z.string(), z.array(z.string())).nullish(),
})

const admissionReview = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1),
    kind: z.object({ group: text, version: text, kind: text }),
    resource: z.object({ group: text, version: text, resource: text }),
    subResource: text,
    name: text,
    namespace: text,
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    userInfo,
    object: z.record(z.string(), z.unknown()).nullish(),
    oldObject: z.record(z.string(), z.unknown()).nullish(),
    dryRun: z.boolean().default(false),
  }),
})

/** The parts of an AdmissionRequest that are used, checked. */
export interface AdmissionRequest {
  readonly uid: string
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly resource: string
  readonly subresource: string
  readonly name: string
  readonly namespace: string
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly user: UserInfo
  readonly object: Readonly<Record<string, unknown>> | undefined
  readonly oldObject: Readonly<Record<string, unknown>> | undefined
  readonly dryRun: boolean
}

/** Throws `request_invalid` for anything but an AdmissionReview of admission.k8s.io/v1. */
export function parseAdmissionReview(body: unknown): AdmissionRequest {
  const parsed = admissionReview.safeParse(body)
  if (!parsed.success) {
    throw new Fault(
      'request_invalid',
      'The body is not an AdmissionReview of admission.k8s.io/v1',
      {
        cause: parsed.error,
      },
    )
  }
  const { request } = parsed.data
  const { username, uid, groups, extra } = request.userInfo
  return {
    uid: request.uid,
    kind: request.kind,
    resource: request.resource.resource,
    subresource: request.subResource,
    name: request.name,
    namespace: request.namespace,
    operation: request.operation,
    user: { username, uid, groups: groups ?? [], extra: extra ?? {} },
    object: request.object ?? undefined,
    oldObject: request.oldObject ?? undefined,
    dryRun: request.dryRun,
  }
}

/** What a reviewer answers: yes, yes with a patch, or no with words for a person. */
export type Review =
  | { readonly result: 'allowed'; readonly warnings?: readonly string[] }
  | { readonly result: 'patched'; readonly patch: readonly unknown[] }
  | {
      readonly result: 'refused'
      readonly code: number
      readonly reason: string
      readonly message: string
    }

export const ALLOWED: Review = { result: 'allowed' }

/** A refusal, 403 with the reason; kubectl shows it to whoever asked. */
export function refused(message: string): Review {
  return { result: 'refused', code: 403, reason: 'Forbidden', message: `lanyard: ${message}` }
}

/** The AdmissionReview that answers a request. */
export function toAdmissionReview(uid: string, review: Review): object {
  const response = { uid, allowed: review.result !== 'refused' }
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { ...response, ...answerOf(review) },
  }
}

function answerOf(review: Review): object {
  switch (review.result) {
    case 'allowed':
      // kubectl shows them to whoever asked.
      return review.warnings === undefined ? {} : { warnings: review.warnings }
    case 'patched': {
      const patch = Buffer.from(JSON.stringify(review.patch)).toString('base64')
      return { patchType: 'JSONPatch', patch }
    }
    case 'refused': {
      const { code, reason, message } = review
      return { status: { code, reason, message: escapeText(message) } }
    }
    default:
      return review satisfies never
  }
}
