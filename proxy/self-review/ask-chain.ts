import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { ProspectReply } from '../judgement/authorizer.ts'
import { toQuestion } from '../judgement/to-question.ts'

/** What one may ask about: all of `RequestAttributes` that a review can name. */
export type Asked = Omit<RequestAttributes, 'alsoVerbs'>

/**
 * Has the chain reviewed for one request, in calls of at most 100 questions. What cannot be reviewed
 * is not allowed, and its error says why; never throws.
 */
export type AskChain = (asked: readonly Asked[]) => Promise<readonly ProspectReply[]>

const TOGETHER_MAX = 100

/** For whoever made the request, impersonation included. */
export function createAskChain(deps: ProxyDeps, { request }: Permit): AskChain {
  return async function askChain(asked) {
    const prospects: ProspectReply[] = []
    for (let from = 0; from < asked.length; from += TOGETHER_MAX) {
      const questions = asked.slice(from, from + TOGETHER_MAX).map((attributes) => {
        const info = {
          ...request.info,
          attributes: { ...attributes, alsoVerbs: [] },
          targetContainer: '',
        }
        return toQuestion({ ...request, info })
      })
      try {
        prospects.push(...(await deps.authorizer.review(questions)))
      } catch (cause) {
        const { message } = Fault.from(cause)
        const unknown = { allowed: false, reason: '', error: message }
        // Whoever is away now is not asked again and again.
        return [...prospects, ...asked.slice(from).map(() => unknown)]
      }
    }
    return prospects
  }
}

/** A resource of the resource API, as RBAC and reviews write it: `pods/log` is a subresource. */
export function askedResource(
  where: Pick<Asked, 'apiGroup' | 'apiVersion' | 'namespace' | 'name' | 'verb'>,
  resource: string,
  subresource = '',
): Asked {
  const [main = '', ...rest] = subresource === '' ? resource.split('/') : [resource, subresource]
  return { ...where, resourceRequest: true, resource: main, subresource: rest.join('/'), path: '' }
}

/** A URL outside the resource API. */
export function askedPath(verb: string, path: string): Asked {
  const nothing = { apiGroup: '', apiVersion: '', resource: '', subresource: '', namespace: '' }
  return { ...nothing, verb, path, name: '', resourceRequest: false }
}
