import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { CertificatePair } from './certificate-authority.ts'
import type { HealthCheck } from './health-server.ts'
import type { RequestHeaderSource } from './request-header-config.ts'

/** The line of /readyz about the front proxy's configuration. */
export function frontProxyCheck(requestHeader: RequestHeaderSource): HealthCheck {
  return {
    name: 'front-proxy',
    check: () =>
      requestHeader.current() === undefined ? 'its configuration is not known yet' : undefined,
  }
}

/**
 * TLS of a server that kube-apiserver calls as a front proxy. The server must ask for a certificate, and
 * `authenticateFrontProxy` must look at it for each request.
 */
export function frontProxyContext(
  certificate: CertificatePair,
  requestHeader: RequestHeaderSource,
): SecureContextOptions & { allowPartialTrustChain: boolean } {
  const clientCaPem = requestHeader.current()?.clientCaPem
  return {
    cert: certificate.certificatePem,
    key: certificate.privateKeyPem,
    // Always a list: without one, Node would trust every public authority.
    ca: clientCaPem === undefined ? [] : [clientCaPem],
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.2',
    // A resumed session is never believed, so none is offered.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
