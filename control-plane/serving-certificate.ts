import { createSecureContext } from 'node:tls'
import { experimental, type ServerCredentials } from '@grpc/grpc-js'
import { CONTROL_PLANE_SERVICE, SYSTEM_NAMESPACE } from '../core/names.ts'
import type { CertificateAuthority, ServerCertificate } from '../platform/certificate-authority.ts'
import type { Logger } from '../platform/logger.ts'
import { keepRenewing, SERVING_CERTIFICATE_MS } from '../platform/serving-certificate.ts'

const SERVICE = `${CONTROL_PLANE_SERVICE}.${SYSTEM_NAMESPACE}.svc`

type Listener = (certificate: ServerCertificate) => void

/** The control plane's own leaf, renewed in memory; listeners get each new one, and the first immediately. */
export interface ServingCertificate {
  current(): ServerCertificate
  onChange(listener: Listener): () => void
  stop(): void
}

/**
 * Issues the certificate of both servers and renews it after a third of its life. Throws when it
 * cannot issue the first.
 */
export async function keepServingCertificate(
  authority: CertificateAuthority,
  logger: Logger,
): Promise<ServingCertificate> {
  const listeners = new Set<Listener>()
  const issue = (): Promise<ServerCertificate> =>
    authority.issueServerCertificate({
      dnsNames: [
        SERVICE,
        CONTROL_PLANE_SERVICE,
        `${CONTROL_PLANE_SERVICE}.${SYSTEM_NAMESPACE}`,
        `${SERVICE}.cluster.local`,
        'localhost',
      ],
      ipAddresses: ['127.0.0.1'],
      validForMs: SERVING_CERTIFICATE_MS,
    })
  let certificate = await issue()
  async function renew(): Promise<void> {
    certificate = await issue()
    for (const listener of listeners) listener(certificate)
  }
  const stop = keepRenewing(renew, logger)
  return {
    current: () => certificate,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop,
  }
}

/** gRPC credentials that follow the certificate; connections that are open stay open. */
export function toGrpcCredentials(serving: ServingCertificate, caPem: string): ServerCredentials {
  // A pair that TLS would refuse must fail here, at the start.
  const { certificatePem, privateKeyPem } = serving.current()
  createSecureContext({ cert: certificatePem, key: privateKeyPem })
  const stops = new Map<object, () => void>()
  const toUpdate = (next: ServerCertificate) => ({
    certificate: Buffer.from(next.certificatePem),
    privateKey: Buffer.from(next.privateKeyPem),
  })
  const provider: experimental.CertificateProvider = {
    // Later, not now: the library is not yet ready to hear while it adds a listener.
    addCaCertificateListener: (listener) =>
      queueMicrotask(() => listener({ caCertificate: Buffer.from(caPem) })),
    removeCaCertificateListener: () => {},
    addIdentityCertificateListener(listener) {
      stops.set(
        listener,
        serving.onChange((next) => listener(toUpdate(next))),
      )
      queueMicrotask(() => listener(toUpdate(serving.current())))
    },
    removeIdentityCertificateListener(listener) {
      stops.get(listener)?.()
      stops.delete(listener)
    },
  }
  return experimental.createCertificateProviderServerCredentials(provider, provider, false)
}
