import { Fault } from '../core/fault.ts'

/**
 * The API server's origin: `url` where it is set, else what kubelet tells every container. Throws
 * `config_invalid`, naming the setting, when nothing names one that speaks https.
 */
export function apiServerOrigin(
  url: string,
  setting: string,
  env: Readonly<Record<string, string | undefined>>,
): URL {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = env['KUBERNETES_SERVICE_PORT'] ?? ''
  const origin = URL.parse(url || `https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (origin === null || origin.protocol !== 'https:' || origin.hostname === '') {
    throw new Fault(
      'config_invalid',
      `Cannot start: set ${setting}, or KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT`,
    )
  }
  return origin
}
