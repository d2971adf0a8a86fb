import { Fault } from '../fault.ts'
import { allValues, firstValue, isTrue } from './query-values.ts'
import type { QueryPair } from './request-target.ts'

/** What an exec or attach request asks for, besides the pod: the fields of PodExecOptions and PodAttachOptions. */
export interface ExecAttributes {
  /** Arguments of the process, the program first, each as it came; empty for an attach. */
  readonly command: readonly string[]
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
  /** Empty when the request names none; kubelet then takes the pod's only or default container. */
  readonly container: string
  /** `NAME=VALUE`, as the request gives them. No API server up to v1.37 reads them. */
  readonly env: readonly string[]
  /** Only on record, where `command` or `env` is the beginning of what was asked. */
  readonly commandShortened?: Shortened
  readonly envShortened?: Shortened
}

/** What a list of texts was before the record cut it. */
export interface Shortened {
  /** How many texts. */
  readonly count: number
  /** SHA-256, in hexadecimal, of all texts in UTF-8, each followed by a NUL byte. */
  readonly sha256: string
}

/** What a port-forward request asks for. Over SPDY its query names no port: each stream does. */
export interface PortForwardAttributes {
  readonly ports: readonly number[]
}

/**
 * Reads the query of an exec or attach request. Source: Kubernetes v1.37,
 * pkg/apis/core/v1/zz_generated.conversion.go (autoConvert_url_Values_To_v1_PodExecOptions): of a
 * boolean and of `container` the first value counts, of `command` each, and what is absent is false.
 */
export function parseExecAttributes(query: readonly QueryPair[]): ExecAttributes {
  const flag = (key: string) => isTrue(firstValue(query, key))
  return {
    command: allValues(query, 'command'),
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr'),
    tty: flag('tty'),
    container: firstValue(query, 'container') ?? '',
    env: allValues(query, 'env'),
  }
}

const PORT_MAX = 65_535

/**
 * Reads the query of a port-forward request. Throws `request_invalid` for a port that kube-apiserver
 * refuses too. Source: Kubernetes v1.37, apimachinery/pkg/apis/meta/v1/conversion.go
 * (Convert_Slice_string_To_Slice_int32): lists with commas, each port an unsigned number of 16 bits.
 */
export function parsePortForwardAttributes(query: readonly QueryPair[]): PortForwardAttributes {
  const ports = allValues(query, 'ports').flatMap((value) => value.split(','))
  return { ports: ports.map(parsePort) }
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,32}$/.test(text) ? Number(text) : Number.NaN
  if (port <= PORT_MAX) return port
  throw new Fault(
    'request_invalid',
    `The query parameter "ports" must hold numbers from 0 to ${PORT_MAX}, separated by commas`,
  )
}
