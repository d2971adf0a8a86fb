import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  type CustomObjectsApi,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { LANYARD_GROUP } from '../../core/names.ts'
import { type AccessLimit, limitOf, type ParsedLimit } from '../../core/policy/access-limit.ts'
import type { Logger } from '../../platform/logger.ts'

interface AcceptedCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
  readonly lastTransitionTime: string
}

type WithStatus = KubernetesObject & {
  readonly status?: { readonly conditions?: readonly AcceptedCondition[] }
}

/** What an object of Lanyard's was found to be. */
type Checked =
  | { readonly ok: true }
  | { readonly ok: false; readonly invalid: { readonly problems: readonly string[] } }

/** An object as it was seen last. */
interface Seen {
  readonly object: WithStatus
  readonly parsed: Checked
}

/** A kind whose objects are checked, and what their status says of them. */
interface CheckedKind {
  readonly plural: string
  readonly valid: string
  /** Before the problems. */
  readonly invalid: string
}

const POLICY: CheckedKind = {
  plural: 'accesspolicies',
  valid: 'The policy is in force',
  invalid: 'The policy is not valid, and its subjects may do nothing until it is',
}
const NOTHING_PASSES =
  'is not valid, and nothing passes that it could stand over until it is mended'
const LIMITS: Readonly<Record<AccessLimit['kind'], CheckedKind>> = {
  AccessCeiling: {
    plural: 'accessceilings',
    valid: 'The ceiling is in force',
    invalid: `The ceiling ${NOTHING_PASSES}`,
  },
  NarrowingPolicy: {
    plural: 'narrowingpolicies',
    valid: 'The narrowing is in force',
    invalid: `The narrowing ${NOTHING_PASSES}`,
  },
}
const PROFILE: CheckedKind = {
  plural: 'maskprofiles',
  valid: 'Policies may name the profile',
  invalid: 'The profile is not valid, and neither are the policies that name it until it is',
}

const TYPE = 'Accepted'
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000

type StatusApi = Pick<
  CustomObjectsApi,
  'patchClusterCustomObjectStatus' | 'patchNamespacedCustomObjectStatus'
>
type WriteStatus = (object: KubernetesObject, parsed: Checked) => void

/**
 * Tells whoever wrote a policy whether it holds: condition `Accepted` of its status. Tried until it is
 * written; the policy holds, or is refused, whether or not its status says so.
 */
export function createPolicyStatusWriter(
  api: StatusApi,
  logger: Logger,
  retryMs = RETRY_MS_MIN,
): WriteStatus {
  return createStatusWriter(POLICY, api, logger, retryMs)
}

/** The same for MaskProfiles. */
export function createProfileStatusWriter(
  api: StatusApi,
  logger: Logger,
  retryMs = RETRY_MS_MIN,
): WriteStatus {
  return createStatusWriter(PROFILE, api, logger, retryMs)
}

/** The same for AccessCeilings and NarrowingPolicies. */
export function createLimitStatusWriter(
  api: StatusApi,
  logger: Logger,
  retryMs = RETRY_MS_MIN,
): (object: KubernetesObject, parsed: ParsedLimit) => void {
  const writers = {
    AccessCeiling: createStatusWriter(LIMITS.AccessCeiling, api, logger, retryMs),
    NarrowingPolicy: createStatusWriter(LIMITS.NarrowingPolicy, api, logger, retryMs),
  }
  return (object, parsed) => writers[limitOf(parsed).kind](object, parsed)
}

function createStatusWriter(
  kind: CheckedKind,
  api: StatusApi,
  logger: Logger,
  retryMs: number,
): WriteStatus {
  const latest = new Map<string, Seen>()
  const writing = new Set<string>()
  const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

  async function writeOne(key: string): Promise<void> {
    let delayMs = retryMs
    for (let seen = latest.get(key); seen !== undefined; seen = latest.get(key)) {
      const body = toPatch(kind, seen)
      const failure = body === undefined ? undefined : await patch(seen.object, body)
      if (failure !== undefined && !isStatus(failure, 404)) {
        // A conflict is not logged: the watch brings the newer object.
        if (!isStatus(failure, 409)) {
          logger.warn({ error: failure, kind: kind.plural, name: key }, 'Cannot write a status')
        }
        await sleep(delayMs, undefined, { ref: false })
        delayMs = Math.min(2 * delayMs, RETRY_MS_MAX)
      } else if (latest.get(key)?.object === seen.object) {
        latest.delete(key)
      }
    }
  }

  /** What went wrong, if anything did. */
  async function patch({ metadata }: WithStatus, body: object): Promise<unknown> {
    const { name = '', namespace } = metadata ?? {}
    const where = { group: LANYARD_GROUP, version: 'v1alpha1', plural: kind.plural, name, body }
    try {
      await (namespace === undefined
        ? api.patchClusterCustomObjectStatus(where, mergePatch)
        : api.patchNamespacedCustomObjectStatus({ ...where, namespace }, mergePatch))
      return undefined
    } catch (error) {
      // Converted: whoever called tries again.
      return error ?? new Error('rejected with nothing')
    }
  }

  return function writeStatus(object, parsed) {
    const { name = '', namespace } = object.metadata ?? {}
    const key = namespace === undefined ? name : `${namespace}/${name}`
    latest.set(key, { object, parsed })
    if (writing.has(key)) return
    writing.add(key)
    void writeOne(key).finally(() => writing.delete(key))
  }
}

/** Undefined when the status says it already. The conditions of others stay as they are. */
function toPatch(kind: CheckedKind, { object, parsed }: Seen): object | undefined {
  const { generation = 0, resourceVersion } = object.metadata ?? {}
  const conditions = object.status?.conditions ?? []
  const known = conditions.find(({ type }) => type === TYPE)
  const wanted = toCondition(kind, parsed, generation, known)
  if (
    known?.observedGeneration === generation &&
    known.status === wanted.status &&
    known.message === wanted.message
  ) {
    return undefined
  }
  const others = conditions.filter(({ type }) => type !== TYPE)
  // A list is replaced as a whole, so not if somebody has changed theirs meanwhile.
  return { metadata: { resourceVersion }, status: { conditions: [...others, wanted] } }
}

function toCondition(
  kind: CheckedKind,
  parsed: Checked,
  observedGeneration: number,
  known: AcceptedCondition | undefined,
): AcceptedCondition {
  const said = parsed.ok
    ? { status: 'True', reason: 'Valid', message: kind.valid }
    : {
        status: 'False',
        reason: 'Invalid',
        message: `${kind.invalid}: ${parsed.invalid.problems.join('; ')}`,
      }
  const lastTransitionTime =
    known?.status === said.status ? known.lastTransitionTime : new Date().toISOString()
  return { type: TYPE, ...said, observedGeneration, lastTransitionTime }
}

function isStatus(error: unknown, code: number): boolean {
  return error instanceof ApiException && error.code === code
}
