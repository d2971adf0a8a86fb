import { textKey } from '../../core/text-key.ts'
import type { LivingPods } from '../kubernetes/living-pods.ts'
import type { PodReader } from '../kubernetes/pod-reader.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'

export interface KnownPodReaderDeps {
  readonly bindings: Pick<PodBindingStore, 'newestOfName'>
  readonly living: Pick<LivingPods, 'has' | 'isSynced'>
  /** Whether every pod of a namespace is admitted through the webhooks. */
  readonly isInjected: (namespace: string) => boolean
  /** Asks kube-apiserver. */
  readonly read: PodReader
}

/**
 * Says which pod has a name. kube-apiserver is not asked where the answer is known. The watch alone is not enough: an event
 * comes late, and a pod of another chain may have taken the name meanwhile. But in an injected namespace the UID of
 * every pod is on record here before the pod is stored. So a watched pod that is also the last admitted pod of that
 * name still has the name, or has just ended. kube-apiserver is asked in every other case: the pod is not watched or
 * not on record; another pod of the name was admitted, even one that was never stored; the watch is not in sync; the
 * namespace is not injected. Static pods are never on record.
 */
export function createKnownPodReader(deps: KnownPodReaderDeps): PodReader {
  const { bindings, isInjected, living } = deps
  const read = shareReads(deps.read)
  return async function readKnownPodUid(namespace, name) {
    if (!living.isSynced() || !isInjected(namespace)) return read(namespace, name)
    // First the admissions: what is admitted from here on takes the name after this question came.
    const podUid = await bindings.newestOfName(namespace, name)
    const isKnown =
      podUid !== undefined && living.isSynced() && living.has({ namespace, name, podUid })
    return isKnown ? podUid : read(namespace, name)
  }
}

interface SharedRead {
  readonly underWay: Promise<unknown>
  /** Begins when that has ended; for everybody who asks until then. */
  next: ReturnType<PodReader> | undefined
}

/** Asks once for all who wait for the same name. No answer is older than the question that gets it. */
function shareReads(read: PodReader): PodReader {
  const reads = new Map<string, SharedRead>()

  function begin(key: string, namespace: string, name: string): ReturnType<PodReader> {
    const answer = read(namespace, name)
    const shared: SharedRead = { underWay: answer, next: undefined }
    reads.set(key, shared)
    const end = () => {
      if (reads.get(key) === shared && shared.next === undefined) reads.delete(key)
    }
    answer.then(end, end)
    return answer
  }

  return (namespace, name) => {
    const key = textKey([namespace, name])
    const shared = reads.get(key)
    if (shared === undefined) return begin(key, namespace, name)
    const ask = () => begin(key, namespace, name)
    shared.next ??= shared.underWay.then(ask, ask)
    return shared.next
  }
}
