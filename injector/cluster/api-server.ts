import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import {
  CERTIFICATE_AUTHORITY_CONFIG_MAP,
  CERTIFICATE_AUTHORITY_KEY,
  SYSTEM_NAMESPACE,
} from '../../core/names.ts'
import { EXTENSION_AUTHENTICATION } from '../../platform/request-header-config.ts'

/* What the injector reads, with its own service account. */

const AUTHORITY = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps/${CERTIFICATE_AUTHORITY_CONFIG_MAP}`
const FRONT_PROXY = `/api/v1/namespaces/${EXTENSION_AUTHENTICATION.namespace}/configmaps/${EXTENSION_AUTHENTICATION.name}`
const TIMEOUT_MS = 5_000

/**
 * Reads the certificate of Lanyard's own authority, as PEM; its key is the control plane's alone.
 * Undefined while the control plane has not published it. Throws `upstream_unavailable` when
 * kube-apiserver does not answer or refuses.
 */
export async function readAuthorityCertificate(
  serviceAccountFolder: string,
): Promise<string | undefined> {
  const data = await readData(AUTHORITY, serviceAccountFolder)
  return data?.[CERTIFICATE_AUTHORITY_KEY]
}

/**
 * Reads how kube-apiserver, as a front proxy, says for whom it calls; an absent ConfigMap is empty.
 * Throws `upstream_unavailable`.
 */
export async function readExtensionAuthentication(
  serviceAccountFolder: string,
): Promise<Readonly<Record<string, string>>> {
  return (await readData(FRONT_PROXY, serviceAccountFolder)) ?? {}
}

async function readData(
  path: string,
  serviceAccountFolder: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const object = await readObject(path, serviceAccountFolder)
  if (object === undefined) return undefined
  return (object as { data?: Record<string, string> }).data ?? {}
}

/**
 * Reads any object of the API server's by its path; undefined when there is none. Throws
 * `upstream_unavailable`.
 */
export async function readObject(path: string, serviceAccountFolder: string): Promise<unknown> {
  const { status, body } = await get(path, serviceAccountFolder)
  if (status === 404) return undefined
  if (status !== 200) {
    throw new Fault(
      'upstream_unavailable',
      `Cannot read ${path}: kube-apiserver answered ${status}`,
    )
  }
  return JSON.parse(body) as unknown
}

async function get(path: string, folder: string): Promise<{ status: number; body: string }> {
  const [token, ca] = await Promise.all([
    readFile(join(folder, 'token'), 'utf8'),
    readFile(join(folder, 'ca.crt')),
  ])
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new Fault('upstream_unavailable', 'Cannot reach kube-apiserver', { cause: error }))
    const headers = { authorization: `Bearer ${token.trim()}`, accept: 'application/json' }
    const sent = request({ host, port, path, ca, headers, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      )
    })
    sent.on('timeout', () => sent.destroy(new Error('timed out')))
    sent.on('error', fail)
    sent.end()
  })
}
