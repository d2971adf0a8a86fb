import { type AskChain, type Asked, askedPath, askedResource } from './ask-chain.ts'
import { asObject, type JsonObject, textOf } from './json-object.ts'

/**
 * A SelfSubjectAccessReview that says yes only where the API server says yes to the pod and the chain
 * may as well. The reason says who may not; what the chain may is asked only where the pod may.
 * Selectors are not told to the chain, which is then judged for all objects: narrower, never wider.
 */
export async function narrowAccess(review: JsonObject, ask: AskChain): Promise<JsonObject> {
  const status = asObject(review['status'])
  if (status['allowed'] !== true) return { ...review, status: { ...status, allowed: false } }
  const asked = askedOf(asObject(review['spec']))
  const [prospect] = asked === undefined ? [] : await ask([asked])
  if (prospect?.allowed === true && prospect.reason === '') return review
  const allowed = prospect?.allowed === true
  const reason = prospect?.reason || 'the chain of this pod could not be reviewed'
  const error = prospect === undefined ? 'the review names nothing' : prospect.error
  return {
    ...review,
    status: {
      ...status,
      allowed,
      ...(allowed || error !== '' ? {} : { denied: true }),
      reason,
      ...(error === '' ? {} : { evaluationError: error }),
    },
  }
}

function askedOf(spec: JsonObject): Asked | undefined {
  if (spec['nonResourceAttributes'] !== undefined) {
    const { path, verb } = asObject(spec['nonResourceAttributes'])
    return askedPath(textOf(verb), textOf(path))
  }
  if (spec['resourceAttributes'] === undefined) return undefined
  const { verb, group, version, resource, subresource, namespace, name } = asObject(
    spec['resourceAttributes'],
  )
  const where = {
    verb: textOf(verb),
    apiGroup: textOf(group),
    apiVersion: textOf(version),
    namespace: textOf(namespace),
    name: textOf(name),
  }
  return askedResource(where, textOf(resource), textOf(subresource))
}
