import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { whyNotProtectable } from '../../core/pods/eligibility.ts'
import type { Pod } from '../../core/pods/pod.ts'
import { SIDECAR } from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import { hintsOf } from './hint-annotations.ts'
import { injectSidecar } from './inject-sidecar.ts'

/* What a reader sees in `kubectl get pod -o yaml`. `npm run golden` writes the files again. */

const FOLDER = join(import.meta.dirname, '..', 'golden')
const HINTS = hintsOf(createRecordingChainClient().launchers)

test.each(['plain-pod', 'job-pod', 'own-environment', 'native-sidecar', 'no-credential'])(
  'injectSidecar() makes of %s what its golden file holds',
  async (name) => {
    const pod = parse(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8')) as Pod
    expect(whyNotProtectable(pod, [])).toBeUndefined()
    const injected = injectSidecar(pod, SIDECAR, HINTS)
    const text = stringify(injected, { aliasDuplicateObjects: false, lineWidth: 0 })
    await expect(text).toMatchFileSnapshot(join(FOLDER, `${name}.injected.yaml`))
  },
)
