import { Fault } from '../fault.ts'
import type { QueryPair } from './request-target.ts'

/** Subresources that turn the connection into a tunnel. */
export type UpgradeKind = 'exec' | 'attach' | 'portforward'

/**
 * The fields of PodExecOptions, `env` as Kubernetes 1.37 has it. An attach reads all but `command` and `env`. Source:
 * Kubernetes v1.37 api/core/v1/types.go.
 */
const KNOWN = ['command', 'container', 'env', 'stdin', 'stdout', 'stderr', 'tty']

/** client-go sends it with every request under `--request-timeout`; kube-apiserver reads it of none that is a tunnel. */
const TIMEOUT = 'timeout'

/** Set by kube-apiserver in what an exec starts. Source: Kubernetes KEP-6035 (v1.37). */
const RESERVED_VARIABLE = 'KUBERNETES_EXEC_AUDIT_ID'

/**
 * Checks the query of an exec or attach against the list of what is judged, so that nothing is sent on that a newer
 * kube-apiserver could read and no rule has seen. Throws `request_invalid` with the name of the parameter. A port-forward
 * runs nothing, and clients send more with it than `ports`: kr8s the pod's name and namespace.
 */
export function checkTunnelParameters(subresource: UpgradeKind, query: readonly QueryPair[]): void {
  if (subresource === 'portforward') return
  for (const [name, value] of query) {
    // `?command=ls&`: Go drops the empty pair.
    if (name === '' && value === '') continue
    if (name !== TIMEOUT && !KNOWN.includes(name)) refuse(subresource, name)
    if (name === 'env') checkVariable(value)
  }
}

/** Longest part of a wrong name that a refusal repeats. */
const SHOWN_CHARACTERS_MAX = 64

function refuse(subresource: UpgradeKind, name: string): never {
  const meant = KNOWN.find((one) => one === name.toLowerCase())
  const instead = meant === undefined ? 'leave it out' : `write "${meant}"`
  const shown = JSON.stringify(name.slice(0, SHOWN_CHARACTERS_MAX))
  throw new Fault(
    'request_invalid',
    `The query parameter ${shown} is not one of ${subresource}: ${instead}; ${subresource} takes ${KNOWN.join(', ')}`,
  )
}

function checkVariable(line: string): void {
  const [name = ''] = line.split('=')
  if (name.trim().toUpperCase() !== RESERVED_VARIABLE) return
  throw new Fault(
    'request_invalid',
    `The query parameter "env" sets ${RESERVED_VARIABLE}, which only kube-apiserver may set: leave that variable out`,
  )
}
