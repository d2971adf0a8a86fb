import { createKnownPodReader } from '../../control-plane/chains/known-pod-reader.ts'
import type { PodReader } from '../../control-plane/kubernetes/pod-reader.ts'
import type { Store } from '../../control-plane/store/store.ts'

/** What is asked of a kube-apiserver about pods. */
export interface PodReads {
  /** How often kube-apiserver was asked which pod has a name. */
  podReads(): number
  /** Answers no such question until the function that it returns is called. */
  holdPodReads(): () => void
}

/** Reads pods as the control plane does, of a kube-apiserver that has these, by `namespace/name`, and all of it injected. */
export function createHeldPodReader(
  { bindings }: Pick<Store, 'bindings'>,
  pods: ReadonlyMap<string, string>,
): PodReads & { readonly readPodUid: PodReader } {
  let count = 0
  let held = Promise.resolve()
  const uidOf = (namespace: string, name: string) => pods.get(`${namespace}/${name}`)
  const readPodUid = createKnownPodReader({
    bindings,
    living: {
      isSynced: () => true,
      has: ({ namespace, name, podUid }) => uidOf(namespace, name) === podUid,
    },
    isInjected: () => true,
    async read(namespace, name) {
      count += 1
      await held
      return uidOf(namespace, name)
    },
  })
  return {
    readPodUid,
    podReads: () => count,
    holdPodReads() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
  }
}
