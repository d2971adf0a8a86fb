import type { Kubectl } from '../demo/kubectl.ts'
import { pod, WATCHED } from '../demo/manifests.ts'

/** Starts a pod of the service account `builder` in the watched namespace, and waits until it is ready. */
export async function startPod(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.must(['create', '-f', '-'], JSON.stringify(pod(WATCHED, name, 'builder')))
  const ready = ['--for=condition=Ready', '--timeout=120s']
  await kubectl.must(['wait', '-n', WATCHED, `pod/${name}`, ...ready])
}

/** Removes a pod that an earlier run may have left, and waits until it is gone. */
export async function removePod(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.must(['delete', 'pod', name, '-n', WATCHED, '--ignore-not-found', '--wait'])
}
