import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  type CustomObjectsApi,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { ParsedPolicy } from '../../core/policy/parse-access-policy.ts'
import type { Logger } from '../../platform/logger.ts'

interface PolicyCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
  readonly lastTransitionTime: string
}

type WithStatus = KubernetesObject & {
  readonly status?: { readonly conditions?: readonly PolicyCondition[] }
}

/** A policy as it was seen last. */
interface Seen {
  readonly object: WithStatus
  readonly parsed: ParsedPolicy
}

const TYPE = 'Accepted'
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000

/**
 * Tells whoever wrote a policy whether it holds: condition `Accepted` of its status. Tried until it is
 * written; the policy holds, or is refused, whether or not its status says so.
 */
export function createPolicyStatusWriter(
  api: Pick<CustomObjectsApi, 'patchClusterCustomObjectStatus'>,
  logger: Logger,
  retryMs = RETRY_MS_MIN,
): (object: KubernetesObject, parsed: ParsedPolicy) => void {
  const latest = new Map<string, Seen>()
  const writing = new Set<string>()
  const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

  async function writeOne(name: string): Promise<void> {
    let delayMs = retryMs
    for (let seen = latest.get(name); seen !== undefined; seen = latest.get(name)) {
      const body = toPatch(seen)
      const failure = body === undefined ? undefined : await patch(name, body)
      if (failure !== undefined && !isStatus(failure, 404)) {
        // A conflict is not logged: the watch brings the newer object.
        if (!isStatus(failure, 409)) {
          logger.warn({ error: failure, policy: name }, 'Cannot write the status of a policy')
        }
        await sleep(delayMs, undefined, { ref: false })
        delayMs = Math.min(2 * delayMs, RETRY_MS_MAX)
      } else if (latest.get(name)?.object === seen.object) {
        latest.delete(name)
      }
    }
  }

  /** What went wrong, if anything did. */
  async function patch(name: string, body: object): Promise<unknown> {
    const where = { group: LANYARD_GROUP, version: 'v1alpha1', plural: 'accesspolicies', name }
    try {
      await api.patchClusterCustomObjectStatus({ ...where, body }, mergePatch)
      return undefined
    } catch (error) {
      // Converted: whoever called tries again.
      return error ?? new Error('rejected with nothing')
    }
  }

  return function writeStatus(object, parsed) {
    const name = object.metadata?.name ?? ''
    latest.set(name, { object, parsed })
    if (writing.has(name)) return
    writing.add(name)
    void writeOne(name).finally(() => writing.delete(name))
  }
}

/** Undefined when the status says it already. The conditions of others stay as they are. */
function toPatch({ object, parsed }: Seen): object | undefined {
  const { generation = 0, resourceVersion } = object.metadata ?? {}
  const conditions = object.status?.conditions ?? []
  const known = conditions.find(({ type }) => type === TYPE)
  const wanted = toCondition(parsed, generation, known)
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
  parsed: ParsedPolicy,
  observedGeneration: number,
  known: PolicyCondition | undefined,
): PolicyCondition {
  const said = parsed.ok
    ? { status: 'True', reason: 'Valid', message: 'The policy is in force' }
    : {
        status: 'False',
        reason: 'Invalid',
        message: `The policy is not valid, and its subjects may do nothing until it is: ${parsed.invalid.problems.join('; ')}`,
      }
  const lastTransitionTime =
    known?.status === said.status ? known.lastTransitionTime : new Date().toISOString()
  return { type: TYPE, ...said, observedGeneration, lastTransitionTime }
}

function isStatus(error: unknown, code: number): boolean {
  return error instanceof ApiException && error.code === code
}
