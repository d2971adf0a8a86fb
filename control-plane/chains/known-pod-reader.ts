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
 * Says which pod has a name without asking kube-apiserver, where what is known is as good as its answer. A watch is
 * late, and a pod of another chain may have taken the name meanwhile. But in an injected namespace no pod is
 * stored before its UID is on record here. So the pod that the watch tells of still has the name, or has just ended,
 * if it is also the newest that was admitted under the name. In every other case kube-apiserver is asked: for a pod
 * that is not known or not on record, a namesake that was admitted (even one that was never stored), a watch that is
 * not in sync, a namespace that is not injected. Static pods have no binding, so they are asked for, too.
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
