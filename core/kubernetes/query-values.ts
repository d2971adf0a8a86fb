import type { QueryPair } from './request-target.ts'

/**
 * How kube-apiserver reads a boolean parameter: absent, `0` and `false` in any case are false, all
 * else is true. Source: Kubernetes apimachinery/pkg/runtime/conversion.go.
 */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false'
}

/** The first value of a parameter; undefined when it is absent. */
export function firstValue(query: readonly QueryPair[], key: string): string | undefined {
  return query.find(([candidate]) => candidate === key)?.[1]
}

/** Each value of a parameter, in order. */
export function allValues(query: readonly QueryPair[], key: string): readonly string[] {
  return query.filter(([candidate]) => candidate === key).map(([, value]) => value)
}
