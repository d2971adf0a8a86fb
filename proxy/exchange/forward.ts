import { Fault } from '../../core/fault.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { hidesFields } from '../../core/masking/profiles-about.ts'
import { answerCaller } from '../answer/answer.ts'
import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { BODY_BYTES_MAX, HeldBody } from '../judgement/read-body.ts'
import { checkWriteBack } from '../masking/check-write-back.ts'
import { type MaskableForm, maskableForm, maskedRequestHeaders } from '../masking/mask-headers.ts'
import { MaskedAnswer } from '../masking/masked-answer.ts'
import { askForJson, narrowAnswerOf } from '../self-review/narrowed-answer.ts'
import { withoutHeaders } from '../wire/header-pairs.ts'
import type { BodyFilter } from './body-filter.ts'
import { Exchange } from './exchange.ts'
import { Relay } from './relay.ts'
import { passBody, sendBody } from './request-body.ts'
import { permittedHeaders } from './request-headers.ts'
import type { KeptAnswer } from './send-ahead.ts'
import { isUnhurried } from './unhurried.ts'

/**
 * Step 8: sends a permitted request and streams the answer back; of a review of what oneself may do
 * the answer is narrowed first, and what is masked is masked. Returns immediately; what became of it is reported when
 * the caller's connection is done with it. `kept` is the answer to a read that was sent ahead.
 */
export function forward(
  deps: ProxyDeps,
  permit: Permit,
  request: CallerRequest,
  answer: CallerAnswer,
  kept?: KeptAnswer,
): void {
  const narrow = narrowAnswerOf(deps, permit, request)
  const exchange = new Exchange(deps, permit, kept !== undefined)
  const filter = deps.openFilter?.(permit)
  const masking = maskingOf(permit, request, kept !== undefined)
  const startMs = kept?.startMs ?? performance.now()
  const parts = { narrow, filter, mask: masking?.answer, startMs }
  const relay = new Relay(deps, exchange, answer, parts)
  if (kept !== undefined) relay.sentOn(kept)
  answer.onClose(() => relay.finish())
  exchange.onRevoked((revoked) => relay.cut(revoked))
  // Gone, or revoked already: nothing is sent, and nothing is given.
  if (answer.isOver) {
    kept?.withhold()
    return
  }
  if (kept !== undefined) {
    exchange.released()
    kept.release(relay)
    return
  }
  if (narrow?.contentType === '' || masking?.form === 'none') {
    const { decisionId } = permit
    answerCaller(answer, { status: notAcceptable(narrow === undefined), decisionId })
    return
  }
  const own = headersOf(deps, permit, request, filter)
  const narrowed = narrow === undefined ? own : askForJson(own)
  const headers = masking === undefined ? narrowed : maskedRequestHeaders(narrowed, masking.form)
  const sent = { headers, request, filter }
  if (permit.mask !== undefined && permit.request.hasBody) {
    if (permit.request.expectsContinue) answer.writeContinue()
    void sendChecked(deps, { permit, mask: permit.mask, relay, answer, sent })
    return
  }
  try {
    send(deps, permit, relay, sent)
  } catch (error) {
    relay.fail(Fault.from(error))
  }
  // Only now: a caller that asked first sends its body after the decision.
  if (permit.request.expectsContinue) answer.writeContinue()
}

const LOG_FORM: MaskableForm = { accept: 'application/json, */*', isYaml: false }

/** How the answer is masked, and in which form it is asked for; undefined where it is not masked. */
function maskingOf(
  { mask, request: { info } }: Permit,
  request: CallerRequest,
  sentAhead: boolean,
) {
  if (mask === undefined) return undefined
  const { apiGroup, subresource } = info.attributes
  // A log is text, and a refusal of one JSON.
  const accept = request.headerList('accept')
  const isLog = apiGroup === '' && subresource === 'log'
  const mayBeTable = !mask.profiles.some((profile) => hidesFields(profile, info.attributes))
  const form = isLog ? LOG_FORM : (maskableForm(accept, mayBeTable) ?? ('none' as const))
  const isYaml = form !== 'none' && form.isYaml
  const options = { mask, attributes: info.attributes, isYaml, sentAhead }
  return { form, answer: new MaskedAnswer(options) }
}

interface CheckedWrite {
  readonly permit: Permit
  readonly mask: MaskOrder
  readonly relay: Relay
  readonly answer: CallerAnswer
  readonly sent: RequestParts
}

/** Sends a body only when the whole of it has been looked into, and these very bytes. */
async function sendChecked(
  deps: ProxyDeps,
  { permit, mask, relay, answer, sent }: CheckedWrite,
): Promise<void> {
  const { request: parsed } = permit
  const held = new HeldBody(Math.min(deps.requestBodyBytesMax, BODY_BYTES_MAX))
  answer.onClose(() => held.release())
  try {
    const bytes = parsed.body?.bytes ?? (await held.read(sent.request))
    const contentType = sent.request.header('content-type')
    await checkWriteBack(mask, parsed.info.attributes, contentType, bytes)
    if (answer.isOver) return
    const body = { bytes, says: undefined }
    const headers = withoutHeaders(sent.headers, 'content-length')
    if (sent.filter?.changesLength !== true) headers.push('content-length', `${bytes.length}`)
    send(deps, { ...permit, request: { ...parsed, body } }, relay, { ...sent, headers })
  } catch (error) {
    relay.fail(Fault.from(error))
  }
}

interface RequestParts {
  readonly headers: readonly string[]
  readonly request: CallerRequest
  readonly filter: BodyFilter | undefined
}

function send(
  deps: ProxyDeps,
  { request: parsed }: Permit,
  relay: Relay,
  { headers, request, filter }: RequestParts,
): void {
  const judged = parsed.body?.bytes
  const whole = filter === undefined ? judged : undefined
  const upstream = deps.upstream.dispatch(
    {
      path: parsed.info.target,
      method: parsed.method,
      headers,
      body: parsed.hasBody ? (whole ?? 'stream') : null,
      headersTimeoutMs: isUnhurried(parsed.info) ? 0 : deps.upstreamHeadersTimeoutMs,
      mayShare: parsed.info.attributes.verb === 'watch',
    },
    relay,
  )
  relay.sentOn(upstream)
  if (!parsed.hasBody || whole !== undefined) return
  const onFault = (fault: Fault) => relay.fail(fault)
  const way = { upstream, filter, bytesMax: deps.requestBodyBytesMax, onFault }
  filter?.request.once('error', (error) => onFault(Fault.from(error)))
  if (judged === undefined) passBody(request, way)
  else sendBody(judged, way)
}

function headersOf(
  deps: ProxyDeps,
  permit: Permit,
  request: CallerRequest,
  filter: BodyFilter | undefined,
) {
  const headers = permittedHeaders(deps, permit, request)
  const parsed = permit.request
  const judged = parsed.body?.bytes
  if (!parsed.hasBody || filter?.changesLength === true) return headers
  const length = judged === undefined ? request.header('content-length') : `${judged.length}`
  if (length !== undefined) headers.push('content-length', length)
  return headers
}

/** As kube-apiserver says it. Source: apiserver/pkg/endpoints/handlers/negotiation/errors.go (v1.34). */
function notAcceptable(isMasked: boolean): Status {
  return failureStatus(
    406,
    'NotAcceptable',
    isMasked
      ? 'What this request answers with must be masked, which Lanyard does in JSON only: accept application/json too, or have the policy changed'
      : 'Lanyard answers reviews of what oneself may do in JSON only: accept application/json too',
  )
}
