import { expect, test } from 'vitest'
import type { Pod } from '../../core/pods/pod.ts'
import {
  aContainer,
  anAdmissionRequest,
  aPod,
  POD_REVIEW,
} from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import { hintsOf, hintsThatFit } from '../injection/hint-annotations.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { mutatePod, validatePod } from './review-pod.ts'

/* Pods as large as Kubernetes takes them. */

const SIDECAR = { ...POD_REVIEW.sidecar, controlPlaneAddress: 'x:1', controlPlaneName: '' }
const ANNOTATIONS_BYTES = 256 * 1_024
const deps = () => ({
  ...POD_REVIEW,
  controlPlane: { name: '', current: async () => 'x:1', isKnown: async () => true },
  chains: createRecordingChainClient(),
})

test.each<[string, Pod]>([
  [
    'of 60 containers with 200 variables each',
    aPod({
      containers: Array.from({ length: 60 }, (_none, index) =>
        aContainer({
          name: `c${index}`,
          env: Array.from({ length: 200 }, (_no, at) => ({ name: `V${at}`, value: 'x' })),
        }),
      ),
    }),
  ],
  [
    'with a command of 1 MiB',
    aPod({ containers: [aContainer({ command: ['sh', '-c', 'x'.repeat(1_024 * 1_024)] })] }),
  ],
  [
    'with as many annotations as there may be',
    aPod({}, { annotations: { team: 'x'.repeat(ANNOTATIONS_BYTES - 4) } }),
  ],
])('mutatePod() and validatePod() take a pod %s', async (_name, object) => {
  const { launchers } = createRecordingChainClient()
  expect(await mutatePod(anAdmissionRequest({ object }), deps())).toMatchObject({
    result: 'patched',
  })
  const injected = injectSidecar(object, SIDECAR, hintsThatFit(object, hintsOf(launchers)))
  const bytes = Object.entries(injected.metadata.annotations ?? {}).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  )
  expect(bytes).toBeLessThanOrEqual(ANNOTATIONS_BYTES)
  expect(await validatePod(anAdmissionRequest({ object: injected }), deps())).toEqual({
    result: 'allowed',
  })
})
