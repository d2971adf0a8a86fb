import { createHmac, hkdfSync } from 'node:crypto'
import { MASK_KEY_BYTES } from '../../core/masking/mask-token.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

const PURPOSE = 'lanyard mask tokens v1'

/**
 * Gives each chain a key of its own: the same for all pods that come from one, in any replica and after any restart, as
 * long as `secret` is the same. No chain learns another's, nor the secret.
 */
export function createMaskKeys(secret: string) {
  const root = Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, MASK_KEY_BYTES))
  return function maskKeyOf({ cluster, chain }: Pick<PodBinding, 'cluster' | 'chain'>) {
    // Whoever else the chain grows by, its first pod and whom it acts for stay.
    const of = [cluster.id, chain.actors[0]?.podUid ?? '', chain.rootRequester.username]
    const digest = createHmac('sha256', root).update(JSON.stringify(of)).digest()
    return Uint8Array.from(digest)
  }
}
