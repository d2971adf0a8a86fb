import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { V1Pod } from '@kubernetes/client-node'
import { createTestAuthority } from './test-certificates.ts'

/** A mutating webhook of somebody else, which is called after ours and whenever ours changed a pod. */
export interface OtherWebhook {
  readonly caBundle: string
  readonly url: string
  /** What it patches from now on. */
  change: ((pod: V1Pod) => readonly object[]) | undefined
  close(): Promise<void>
}

/** Changes nothing until it is told to. */
export async function startOtherWebhook(): Promise<OtherWebhook> {
  const authority = await createTestAuthority('other')
  const { certificatePem: cert, privateKeyPem: key } = await authority.issueServer()
  const server: Server = createServer({ cert, key }, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { request } = JSON.parse(Buffer.concat(chunks).toString())
      const patch = Buffer.from(JSON.stringify(other.change?.(request.object) ?? []))
      const response = {
        uid: request.uid,
        allowed: true,
        patchType: 'JSONPatch',
        patch: patch.toString('base64'),
      }
      outgoing.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const other: OtherWebhook = {
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    change: undefined,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return other
}
