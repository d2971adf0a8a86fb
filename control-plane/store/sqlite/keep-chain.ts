import { canonicalChain } from '../../../proto/canonical-chain.ts'
import type { PodBinding } from '../pod-binding-store.ts'
import type { Database } from './database.ts'

/** Keeps the chain of a pod, inside a transaction; one that is there stays. */
export function prepareKeepChain(sqlite: Database['sqlite']) {
  const keep = sqlite.prepare<unknown[]>(
    'insert into chain (digest, pod_uid, bytes) values (?, ?, ?) on conflict (digest) do nothing',
  )
  return ({ podUid, chain }: Pick<PodBinding, 'podUid' | 'chain'>): void => {
    const { digest, bytes } = canonicalChain(chain)
    keep.run(Buffer.from(digest), podUid, Buffer.from(bytes))
  }
}
