import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import type { ClusterPaths } from './paths.ts'

/** A GET as the cluster's admin. */
export interface ApiClient {
  /** The parsed answer; undefined when there is none, or none with 200. */
  get(path: string): Promise<unknown>
  isReady(): Promise<boolean>
}

/** Asks kube-apiserver through the relay: a poll costs no process of kubectl each time. */
export async function openApiClient(paths: ClusterPaths, port: number): Promise<ApiClient> {
  const read = (file: string) => readFile(join(paths.pki, file))
  const tls = {
    ca: await read('ca.crt'),
    cert: await read('component-admin.crt'),
    key: await read('component-admin.key'),
  }
  const fetchText = (path: string) =>
    new Promise<string | undefined>((resolve) => {
      const options = { host: '127.0.0.1', port, path, timeout: 5_000, agent: false, ...tls }
      const asked = request(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined),
        )
      })
      asked.on('timeout', () => asked.destroy())
      // Not up yet, or gone again: the one who polls asks again.
      asked.on('error', () => resolve(undefined))
      asked.on('close', () => resolve(undefined))
      asked.end()
    })
  return {
    async get(path) {
      const text = await fetchText(path)
      return text === undefined ? undefined : (JSON.parse(text) as unknown)
    },
    isReady: async () => (await fetchText('/readyz')) === 'ok',
  }
}
