import { readFile } from 'node:fs/promises'
import type { Cluster } from '../cluster/cluster.ts'
import { waitFor } from '../cluster/control.ts'
import type { Stage } from '../demo/stage.ts'

/* What was judged and what kube-apiserver saw, of one pod, to be joined by Audit-ID. */

type ClusterStage = Stage & { readonly cluster: Cluster }

/** A pod, of whose requests those count that came after `since`. */
export interface JoinedPod {
  readonly namespace: string
  readonly name: string
  /** As ISO 8601. */
  readonly since: string
}

/** A request as kube-apiserver's own audit has it. */
interface Seen {
  readonly auditID: string
  readonly verb: string
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> }
  readonly objectRef?: Readonly<Record<string, string | undefined>>
}

/** A decision as the access API has it. */
interface Decided {
  readonly metadata: { readonly name: string }
  readonly spec: Readonly<Record<string, string>>
  readonly status?: { readonly httpStatus?: number; readonly fault?: string }
}

/** What a request was judged by, or seen as. */
export interface JoinedRequest {
  /** The Audit-ID, in lower case. */
  readonly id: string
  readonly what: string
}

/** All decisions about a pod. */
export async function decidedOf(
  { admin }: ClusterStage,
  { namespace, name, since }: JoinedPod,
): Promise<readonly Decided[]> {
  const fields = ['--field-selector', `spec.pod=${name}`, '-o', 'json']
  const listed = await admin.must(['get', 'auditevents', '-n', namespace, ...fields])
  const { items } = JSON.parse(listed.stdout) as { items: Decided[] }
  return items.filter(({ spec }) => (spec['decidedAt'] ?? '') >= since)
}

/** Those that let a request through, and what they were about. */
export function allowedOf(decided: readonly Decided[]): readonly JoinedRequest[] {
  return decided
    .filter(({ spec }) => spec['effect'] === 'Allow')
    .map(({ metadata, spec }) => ({ id: metadata.name, what: printed(spec['verb'], spec) }))
    .toSorted(byId)
}

/** What kube-apiserver has audited of the pod's credential, once it is so much: by the UID that the token is bound to. */
export async function auditedOf(
  { admin, cluster }: ClusterStage,
  { namespace, name, since }: JoinedPod,
  count: number,
): Promise<readonly JoinedRequest[]> {
  const path = ['-o', 'jsonpath={.metadata.uid}']
  const { stdout: uid } = await admin.must(['get', 'pod', name, '-n', namespace, ...path])
  const read = async (): Promise<readonly JoinedRequest[]> => {
    const lines = (await readFile(cluster.auditLogPath, 'utf8')).trim().split('\n')
    return lines
      .filter((line) => line.includes(uid))
      .map((line) => JSON.parse(line) as Seen & { stage: string; stageTimestamp: string })
      .filter(
        ({ stage, stageTimestamp, user }) =>
          stage === 'ResponseComplete' &&
          stageTimestamp >= since &&
          user.extra?.['authentication.kubernetes.io/pod-uid']?.[0] === uid,
      )
      .map(({ auditID, verb, objectRef }) => ({
        id: auditID.toLowerCase(),
        what: printed(verb, objectRef ?? {}),
      }))
      .toSorted(byId)
  }
  // The log is written a moment after the answer.
  await waitFor('the audit log', 10_000, async () => (await read()).length >= count)
  return read()
}

function printed(
  verb: string | undefined,
  of: Readonly<Record<string, string | undefined>>,
): string {
  const { resource = '', subresource = '', namespace = '' } = of
  return [verb, resource, subresource, namespace].join(' ')
}

function byId(one: JoinedRequest, other: JoinedRequest): number {
  return one.id < other.id ? -1 : Number(one.id > other.id)
}
