import { expect, test } from 'vitest'
import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import { createChainReader } from './chain-reader.ts'
import { checkSidecarVersions } from './sidecar-checks.ts'

/** Answers every list with the chains of pods with these UIDs and versions. */
function chainsOf(versions: Readonly<Record<string, string | undefined>>) {
  const items = Object.entries(versions).map(([podUid, sidecarVersion]) => ({
    spec: { podUid, ...(sidecarVersion === undefined ? {} : { sidecarVersion }) },
  }))
  const get = async () => ({ metadata: {}, items })
  return createChainReader({ get } as unknown as KubernetesClient)
}
const OWN = { version: '0.3.0' }
const pods = (...uids: readonly string[]) => uids.map((uid) => ({ uid, name: `pod-${uid}` }))

test('checkSidecarVersions() counts the sidecars of pods that run, by version', async () => {
  const chains = chainsOf({ a: '0.3.0', b: '0.2.1', c: '0.3.0', ended: '0.1.0' })
  await expect(
    checkSidecarVersions(OWN, chains, 'team', pods('a', 'b', 'c', 'bare')),
  ).resolves.toEqual({
    result: 'ok',
    note: '1 of 0.2.1, 2 of 0.3.0',
  })
})

test('checkSidecarVersions() says that there are none', async () => {
  await expect(checkSidecarVersions(OWN, chainsOf({}), 'team', [])).resolves.toEqual({
    result: 'ok',
    note: 'no sidecar has enrolled',
  })
})

test('checkSidecarVersions() names the pods outside of what is supported, and why', async () => {
  const chains = chainsOf({ old: '0.1.9', new: '0.4.0', mute: undefined, good: '0.3.5' })
  const outcome = await checkSidecarVersions(
    OWN,
    chains,
    'team',
    pods('old', 'new', 'mute', 'good'),
  )
  expect(outcome.result).toBe('warning')
  expect(outcome.hints).toEqual([
    '1 of 0.1.9, 1 of 0.3.5, 1 of 0.4.0, 1 of unknown',
    expect.stringMatching(/^pod pod-old: its sidecar 0\.1\.9 is more than 1 minor version behind/),
    expect.stringMatching(/^pod pod-new: its sidecar 0\.4\.0 is newer/),
    expect.stringMatching(/^pod pod-mute: its sidecar does not say its version/),
    expect.stringMatching(/^restart/),
  ])
})
