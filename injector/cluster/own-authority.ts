import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../platform/logger.ts'

/** How often the certificate authority is looked for while the control plane has not made it. */
const WAIT_MS = 500
/** How often it is looked at afterwards. Until it is noticed, kube-apiserver trusts no answer. */
const CHECK_MS = 5_000

/** Reads the authority's certificate, as PEM; undefined while there is none. */
type ReadCertificate = () => Promise<string | undefined>

/** Resolves once there is one that can be used; the control plane makes it at its first start. */
export async function waitForAuthority(read: ReadCertificate, logger: Logger): Promise<string> {
  for (;;) {
    try {
      const pem = await read()
      if (pem !== undefined) return checked(pem)
    } catch (error) {
      // Recorded and tried again: kube-apiserver or the control plane may be starting too.
      logger.warn({ error }, 'Cannot read the certificate authority yet')
    }
    await sleep(WAIT_MS)
  }
}

/**
 * Calls back, once, when the authority is another than `known`: what was made from it is worth nothing
 * then. One that is missing or broken is waited for, since nothing better is there to serve with.
 */
export function watchAuthority(options: {
  readonly known: string
  readonly read: ReadCertificate
  readonly logger: Logger
  readonly onReplaced: () => void
}): { stop(): void } {
  const { known, read, logger, onReplaced } = options
  async function check(): Promise<void> {
    try {
      const pem = await read()
      if (pem === undefined || checked(pem) === known) return
      clearInterval(timer)
      onReplaced()
    } catch (error) {
      // Recorded and tried again at the next turn.
      logger.warn({ error }, 'Cannot look at the certificate authority')
    }
  }
  const timer = setInterval(() => void check(), CHECK_MS)
  return { stop: () => clearInterval(timer) }
}

/** Throws for what is not a certificate of an authority. */
function checked(pem: string): string {
  if (new X509Certificate(pem).ca) return pem
  throw new Error('the certificate is not one of an authority')
}
