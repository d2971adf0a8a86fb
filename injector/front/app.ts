import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { FAULTS, Fault } from '../../core/fault.ts'
import { failureStatus, faultStatus } from '../../core/kubernetes/status.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { ADMISSION_GROUP, ADMISSION_ROOT, ADMISSION_VERSION } from '../../core/names.ts'
import type { NeutralKeyCheck } from '../../core/templates/neutral-keys.ts'
import type { Logger } from '../../platform/logger.ts'
import { VERSION } from '../../platform/version.ts'
import {
  type AdmissionRequest,
  ALLOWED,
  parseAdmissionReview,
  type Review,
  toAdmissionReview,
} from '../admission/admission-review.ts'
import { isChainReset, mutateChainReset, validateChainReset } from '../review/review-chain-reset.ts'
import { validateEphemeral } from '../review/review-ephemeral.ts'
import {
  mutatePod,
  mutatePodUpdate,
  type PodReviewDeps,
  validatePod,
} from '../review/review-pod.ts'
import { isPodUpdate, isVisit, validatePodUpdate, validateVisit } from '../review/review-reach.ts'
import { isWorkload, validateWorkload } from '../review/review-workload.ts'
import type { InjectorMetrics } from './injector-metrics.ts'

export interface AppDeps extends PodReviewDeps {
  readonly logger: Logger
  readonly metrics: InjectorMetrics
  /** Annotations and labels of a template that choose no code. */
  readonly isNeutralKey: NeutralKeyCheck
  /** What becomes of a way into a pod while nobody can be put on record. */
  readonly visitFailurePolicy: 'Fail' | 'Ignore'
  /** For whom the front proxy calls. Throws for a caller that is not the front proxy. */
  readonly authenticate: (incoming: IncomingMessage) => UserInfo
}

interface AppEnv {
  readonly Bindings: HttpBindings
  readonly Variables: { readonly username: string }
}

/** kube-apiserver takes objects of 3 MiB at most; an update carries two. */
const BODY_BYTES_MAX = 8 * 1_024 * 1_024

/** Who kube-apiserver is to itself: the webhooks' configurations lead through its own front. */
const API_SERVER = 'system:apiserver'

type Reviewer = (request: AdmissionRequest) => Promise<Review>

/**
 * The webhooks, as an aggregated API: an AdmissionReview says who creates an object, so only
 * kube-apiserver may send one. Whatever goes wrong, it gets an answer, and it is no.
 */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  app.use(authenticate(deps))
  app.get(ADMISSION_ROOT, (c) => c.json(NO_RESOURCES))
  // Without them kube-apiserver would complain in its log, each minute.
  app.get('/openapi/v2', (c) => c.json(NO_OPENAPI))
  app.get('/openapi/v3', (c) => c.json({ paths: {} }))
  app.use(`${ADMISSION_ROOT}/*`, onlyApiServer(deps), limitBody)
  const reviewers = { mutate, validate }
  for (const webhook of ['mutate', 'validate'] as const) {
    app.post(`${ADMISSION_ROOT}/${webhook}`, (c) =>
      answer(c, webhook, deps, (request) => reviewers[webhook](request, deps)),
    )
  }
  app.notFound((c) =>
    c.json(failureStatus(404, 'NotFound', 'the server could not find the requested resource'), 404),
  )
  return app
}

/** kube-apiserver takes the API for available when it gets this; there is nothing to see in it. */
const NO_RESOURCES = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${ADMISSION_GROUP}/${ADMISSION_VERSION}`,
  resources: [],
}

const NO_OPENAPI = { swagger: '2.0', info: { title: ADMISSION_GROUP, version: VERSION }, paths: {} }

function authenticate(deps: AppDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    try {
      c.set('username', deps.authenticate(c.env.incoming).username)
    } catch (error) {
      // Converted: whoever is not the front proxy gets one answer, whatever was wrong.
      deps.metrics.strangers.inc()
      return c.json(faultStatus(Fault.from(error)), 401)
    }
    return next()
  }
}

/** Before anything of the body is read. Whom RBAC lets post here does not speak for kube-apiserver. */
function onlyApiServer(deps: AppDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (c.get('username') === API_SERVER) return next()
    deps.metrics.strangers.inc()
    return c.json(failureStatus(403, 'Forbidden', 'only kube-apiserver calls the webhooks'), 403)
  }
}

const limitBytes = bodyLimit({ maxSize: BODY_BYTES_MAX })

/**
 * Node reads no more of a body than its head declares, as kube-apiserver always does. To count the bytes of
 * any other, Hono makes a web stream of it, which would be a tenth of the CPU of a review.
 */
const limitBody: MiddlewareHandler<AppEnv> = (c, next) => {
  const { 'content-length': declared, 'transfer-encoding': coded } = c.env.incoming.headers
  const fits = coded === undefined && declared !== undefined && Number(declared) <= BODY_BYTES_MAX
  return fits ? next() : limitBytes(c, next)
}

async function mutate(request: AdmissionRequest, deps: AppDeps): Promise<Review> {
  if (isPodCreation(request)) return mutatePod(request, deps)
  if (isChainReset(request)) return mutateChainReset(request)
  if (isPodUpdate(request)) return mutatePodUpdate(request)
  throw new Fault('request_invalid', NOT_MADE_FOR)
}

/** By resource; one that is not known here is refused, since nobody could say what it does. */
async function validate(request: AdmissionRequest, deps: AppDeps): Promise<Review> {
  if (request.operation === 'DELETE') return ALLOWED
  if (isPodCreation(request)) return validatePod(request, deps)
  if (isEphemeralUpdate(request)) return validateEphemeral(request, deps.chains)
  if (isWorkload(request)) return validateWorkload(request, deps.chains, deps.isNeutralKey)
  if (isChainReset(request)) return validateChainReset(request, deps.chains)
  if (isPodUpdate(request)) return validatePodUpdate(request, deps.chains)
  if (isVisit(request)) return validateVisit(request, deps)
  throw new Fault('request_invalid', NOT_MADE_FOR)
}

const NOT_MADE_FOR = 'The webhook is not made for this request'

function isPodCreation({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return kind.group === '' && resource === 'pods' && subresource === '' && operation === 'CREATE'
}

function isEphemeralUpdate({ kind, resource, subresource }: AdmissionRequest): boolean {
  return kind.group === '' && resource === 'pods' && subresource === 'ephemeralcontainers'
}

async function readJson(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    // Converted: the parser refuses it. What JSON.parse says quotes the body, which is not logged.
    return undefined
  }
}

async function answer(
  c: Context,
  webhook: 'mutate' | 'validate',
  deps: AppDeps,
  review: Reviewer,
): Promise<Response> {
  const began = performance.now()
  let request: AdmissionRequest
  try {
    request = parseAdmissionReview(await readJson(c.req))
  } catch (error) {
    // Without a uid there is no answer that kube-apiserver would take as one.
    deps.logger.warn({ error, webhook }, 'Refused what is not an AdmissionReview')
    deps.metrics.reviews.inc({ webhook, result: 'invalid' })
    return c.text('lanyard: the body is not an AdmissionReview of admission.k8s.io/v1\n', 400)
  }
  const result = await reviewOrRefuse(request, webhook, deps, review)
  if (result.result === 'refused') deps.logger.info({ webhook, why: result.message }, 'Refused')
  deps.metrics.reviews.inc({ webhook, result: result.result })
  deps.metrics.duration.observe({ webhook }, (performance.now() - began) / 1_000)
  return c.json(toAdmissionReview(request.uid, result))
}

async function reviewOrRefuse(
  request: AdmissionRequest,
  webhook: string,
  deps: AppDeps,
  review: Reviewer,
): Promise<Review> {
  try {
    return await review(request)
  } catch (error) {
    const fault = Fault.from(error)
    const { httpStatus, reason } = FAULTS[fault.code]
    deps.logger.warn({ error: fault, webhook }, 'Refused for want of an answer')
    return { result: 'refused', code: httpStatus, reason, message: `lanyard: ${fault.message}` }
  }
}
