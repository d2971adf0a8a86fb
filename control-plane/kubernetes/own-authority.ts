import { ApiException, CoreV1Api, type KubeConfig } from '@kubernetes/client-node'
import { CERTIFICATE_AUTHORITY_SECRET, SYSTEM_NAMESPACE } from '../../core/names.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  loadCertificateAuthority,
} from '../../platform/certificate-authority.ts'

/** Sidecars carry the authority's certificate as long as their pods live, so it outlives them. */
const AUTHORITY_MS = 10 * 365 * 24 * 60 * 60 * 1_000

/** Lanyard's certificate authority: read from its Secret, or made and kept there. */
export async function ensureCertificateAuthority(
  config: KubeConfig,
): Promise<CertificateAuthority> {
  const api = config.makeApiClient(CoreV1Api)
  const where = { name: CERTIFICATE_AUTHORITY_SECRET, namespace: SYSTEM_NAMESPACE }
  const read = async (): Promise<CertificateAuthority | undefined> => {
    try {
      const { data } = await api.readNamespacedSecret(where)
      const decode = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString()
      return await loadCertificateAuthority({
        certificatePem: decode('tls.crt'),
        privateKeyPem: decode('tls.key'),
      })
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) return undefined
      throw error
    }
  }
  const known = await read()
  if (known !== undefined) return known
  const made = await createCertificateAuthority({ commonName: 'lanyard', validForMs: AUTHORITY_MS })
  const body = {
    metadata: where,
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': made.certificatePem, 'tls.key': made.privateKeyPem },
  }
  try {
    await api.createNamespacedSecret({ namespace: SYSTEM_NAMESPACE, body })
    return made
  } catch (error) {
    // Another replica was first; its authority is the one.
    if (!(error instanceof ApiException) || error.code !== 409) throw error
    const theirs = await read()
    if (theirs === undefined) throw error
    return theirs
  }
}
