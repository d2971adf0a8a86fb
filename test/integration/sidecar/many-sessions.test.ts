import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import {
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { aRule } from '../../support/policy-builders.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'
import { type SidecarFixture, startSidecarFixture } from '../../support/sidecar-fixture.ts'
import { tunnelHead } from '../../support/tunnel-openings.ts'
import { fromServer } from '../../support/websocket-bytes.ts'

/* Many recorded sessions of one pod, through the real sidecar and the real control plane. */

let controlPlane: ControlPlaneFixture
let sidecar: SidecarFixture

beforeEach(async () => {
  controlPlane = await startControlPlaneFixture()
  await controlPlane.store.bindings.record(aBinding([AGENT]))
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  const extra = { [POD_UID_EXTRA]: [AGENT.podUid] }
  controlPlane.tokens.set('pod-bound-token', { ...account, extra })
  controlPlane.pods.set('team/agent', AGENT.podUid)
  const obligations = { ...NO_OBLIGATIONS, record: 'output' as const }
  controlPlane.policies.set('alice', [aRule({ verbs: ['*'], resources: ['*'], obligations })])
  sidecar = await startSidecarFixture({
    LANYARD_CONTROL_PLANE_ADDRESS: controlPlane.address,
    LANYARD_CONTROL_PLANE_CA: controlPlane.caPem,
    // For a machine that does other things as well: what is tested is what nobody waits for.
    LANYARD_DECISION_TIMEOUT_MS: '60000',
  })
  sidecar.api.onUpgrade((_incoming, socket) => serve(socket))
})
afterEach(async () => {
  await sidecar.close()
  await controlPlane.close()
})

const SESSIONS = 200
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'
const SAID = 'said once'

function serve(socket: Duplex): void {
  socket.write(SWITCHING)
  socket.write(fromServer(1, SAID))
}

/** Opens a session; resolves with what came until the output of its command did, or the connection ended. */
async function open(name: string): Promise<string> {
  const caller = await sidecar.connect()
  const target = `/api/v1/namespaces/team/pods/${name}/exec?command=cat&stdout=true&container=app`
  caller.write(
    tunnelHead(sidecar, `GET ${target}`, [
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      ...[
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: v5.channel.k8s.io',
      ],
    ]),
  )
  return new Promise((resolve) => {
    let text = ''
    caller.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes(SAID)) resolve(text)
    })
    caller.on('close', () => resolve(text))
    caller.on('end', () => caller.end())
  })
}

test('200 sessions that begin together are all recorded, though kube-apiserver does not say which pod it is', async () => {
  controlPlane.holdPodReads()
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open('agent')))
  expect(sessions.filter((text) => text.includes(SAID))).toHaveLength(SESSIONS)
  expect(controlPlane.podReads()).toBe(0)
  expect(controlPlane.live.size()).toBe(SESSIONS)
}, 180_000)

test('sessions in a pod that is not on record wait for what kube-apiserver says, and are refused', async () => {
  const release = controlPlane.holdPodReads()
  const sessions = Array.from({ length: 20 }, () => open('stranger'))
  await expect.poll(() => controlPlane.podReads(), { timeout: 30_000 }).toBe(1)
  release()
  for (const text of await Promise.all(sessions)) expect(text).toMatch(/^HTTP\/1.1 403 /)
  expect(controlPlane.live.size()).toBe(0)
})
