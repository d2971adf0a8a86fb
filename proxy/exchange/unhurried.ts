import type { RequestInfo } from '../../core/kubernetes/request-info.ts'

/** Proxied services may take their time, as watches do. */
const UNHURRIED_SUBRESOURCES: ReadonlySet<string> = new Set(['proxy', 'log'])

/**
 * Whether an answer may take as long as it takes: its head is not timed, and is passed on before its
 * body comes.
 */
export function isUnhurried({ longRunning, attributes }: RequestInfo): boolean {
  return longRunning || UNHURRIED_SUBRESOURCES.has(attributes.subresource)
}
