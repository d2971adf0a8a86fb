import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { FAULTS, Fault } from '../core/fault.ts'
import type { Logger } from '../platform/logger.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  parseAdmissionReview,
  type Review,
  toAdmissionReview,
} from './admission-review.ts'
import type { InjectorMetrics } from './injector-metrics.ts'
import { validateEphemeral } from './review-ephemeral.ts'
import { mutatePod, type PodReviewDeps, validatePod } from './review-pod.ts'
import { validateWorkload } from './review-workload.ts'

export interface AppDeps extends PodReviewDeps {
  readonly logger: Logger
  readonly metrics: InjectorMetrics
}

/** kube-apiserver takes objects of 3 MiB at most; an update carries two. */
const BODY_BYTES_MAX = 8 * 1_024 * 1_024

type Reviewer = (request: AdmissionRequest) => Promise<Review>

/** The webhooks. Whatever goes wrong, kube-apiserver gets an answer, and it is no. */
export function createApp(deps: AppDeps): Hono {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: BODY_BYTES_MAX }))
  app.post('/mutate', async (c) =>
    c.json(await answer(await readJson(c.req), 'mutate', deps, (r) => mutatePod(r, deps))),
  )
  app.post('/validate', async (c) =>
    c.json(await answer(await readJson(c.req), 'validate', deps, (r) => validate(r, deps))),
  )
  app.notFound((c) => c.text('not found\n', 404))
  return app
}

/** By resource; one that is not known here is refused, since nobody could say what it does. */
async function validate(request: AdmissionRequest, deps: AppDeps): Promise<Review> {
  if (request.operation === 'DELETE') return ALLOWED
  if (request.resource !== 'pods') return validateWorkload(request, deps.chains)
  if (request.subresource === 'ephemeralcontainers') return validateEphemeral(request)
  if (request.subresource === '' && request.operation === 'CREATE')
    return validatePod(request, deps)
  throw new Fault('request_invalid', 'The webhook is not made for this request')
}

async function readJson(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    // Converted: the parser below refuses what is not an AdmissionReview.
    return undefined
  }
}

async function answer(
  body: unknown,
  webhook: 'mutate' | 'validate',
  deps: AppDeps,
  review: Reviewer,
): Promise<object> {
  const began = performance.now()
  let uid = uidOf(body)
  let result: Review
  try {
    const request = parseAdmissionReview(body)
    uid = request.uid
    result = await review(request)
  } catch (error) {
    const fault = Fault.from(error)
    const { httpStatus, reason } = FAULTS[fault.code]
    deps.logger.warn({ error: fault, webhook }, 'Refused for want of an answer')
    result = { result: 'refused', code: httpStatus, reason, message: `lanyard: ${fault.message}` }
  }
  if (result.result === 'refused') deps.logger.info({ webhook, why: result.message }, 'Refused')
  deps.metrics.reviews.inc({ webhook, result: result.result })
  deps.metrics.duration.observe({ webhook }, (performance.now() - began) / 1_000)
  return toAdmissionReview(uid, result)
}

/** The uid to answer with when the rest of a review cannot be read. */
function uidOf(body: unknown): string {
  const uid = (body as { request?: { uid?: unknown } } | null | undefined)?.request?.uid
  return typeof uid === 'string' ? uid : ''
}
