import { RECORDING_TYPES, SESSIONS, type SessionObject } from '../objects/session-object.ts'
import {
  accessPath,
  type FieldValues,
  fieldSelector,
  type ObjectList,
  type Scope,
} from './access-client.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

const PAGE = '500'

/** Which sessions a list is of. */
export interface SessionSelection {
  readonly scope: Scope
  readonly fields: FieldValues
  /** Unix milliseconds; sessions that began then or later. */
  readonly sinceMs?: number
}

/** Pages of recorded sessions, in the order of their decisions. */
export async function* listSessions(
  client: KubernetesClient,
  { scope, fields, sinceMs }: SessionSelection,
): AsyncGenerator<ObjectList<SessionObject>, void> {
  let token: string | undefined
  do {
    const page: ObjectList<SessionObject> = await client.get(accessPath(SESSIONS, scope), {
      fieldSelector: fieldSelector(fields),
      sinceTime: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
      limit: PAGE,
      continue: token,
    })
    yield page
    token = page.metadata.continue
  } while (token !== undefined && token !== '')
}

/** One session. Throws `not_found`. */
export function getSession(
  client: KubernetesClient,
  namespace: string,
  name: string,
): Promise<SessionObject> {
  return client.get(accessPath(SESSIONS, namespace, name))
}

/** Does something about a session, and resolves with the session as it is then. */
export function actOnSession(
  client: KubernetesClient,
  session: SessionObject,
  action: 'cut' | 'review',
  body: object,
): Promise<SessionObject> {
  return client.post(`${pathOf(session)}/${action}`, body)
}

/** Brings an asciicast that was recorded elsewhere, and resolves with its session. Throws what the file throws too. */
export function importSession(
  client: KubernetesClient,
  namespace: string,
  file: AsyncIterable<Uint8Array>,
  source: string,
): Promise<SessionObject> {
  const path = accessPath(SESSIONS, namespace)
  return client.upload(path, { source }, file, RECORDING_TYPES.asciicast)
}

/**
 * The bytes of a recording; with `follow` they continue until a live session ends. The session's status names
 * whoever reads. `log` is the subresource, since kube-apiserver cuts others off after a minute.
 */
export async function readRecording(
  client: KubernetesClient,
  session: SessionObject,
  options: { readonly form: keyof typeof RECORDING_TYPES; readonly follow?: boolean },
): Promise<AsyncIterable<Buffer>> {
  const { chunks } = await client.download(`${pathOf(session)}/log`, {
    accept: RECORDING_TYPES[options.form],
    query: { format: options.form, follow: options.follow === true ? 'true' : undefined },
  })
  return chunks
}

function pathOf({ metadata }: SessionObject): string {
  return accessPath(SESSIONS, metadata.namespace, metadata.name)
}
