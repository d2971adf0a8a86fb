import type { Question } from './question.ts'

/** Subresources whose read does nothing but read; of any other, who knows. */
const READ_SUBRESOURCES: ReadonlySet<string> = new Set(['', 'status', 'scale'])

/**
 * Whether a question is about a read that changes nothing at the API server, and nowhere behind it: a get or a
 * list, no watch, of an object or its status or scale, as the pod itself. Logs, proxies, exec and the subresources
 * of others are none, and neither are URLs that are no resource.
 */
export function isPlainRead(question: Question): boolean {
  const { attributes, targetContainer, impersonation, credentialBody, refusedBecause } = question
  const { verb, resourceRequest, subresource, alsoVerbs, exec, portForward } = attributes
  return (
    resourceRequest &&
    (verb === 'get' || verb === 'list') &&
    READ_SUBRESOURCES.has(subresource) &&
    alsoVerbs.length === 0 &&
    exec === undefined &&
    portForward === undefined &&
    impersonation === undefined &&
    credentialBody === undefined &&
    targetContainer === '' &&
    refusedBecause === ''
  )
}
