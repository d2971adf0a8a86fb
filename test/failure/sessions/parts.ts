import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import { startControlPlaneFixture } from '../../support/control-plane-fixture.ts'
import { startFakeApiServer } from '../../support/fake-api-server.ts'
import { aRule } from '../../support/policy-builders.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'
import { fromServer } from '../../support/websocket-bytes.ts'
import { poured } from './poured.ts'

/*
 * The control plane with its store, and what stands in for an API server whose exec pours: each as a process of its own,
 * by the name in the first argument, which says where it is as a line of JSON.
 */

const say = (what: object) => void process.stdout.write(`${JSON.stringify(what)}\n`)
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'
const PIECE_BYTES = 16 * 1024
const PAUSE_MS = 2

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  /** Says how many recordings have ended whenever that changes. */
  async controlPlane() {
    const fixture = await startControlPlaneFixture()
    await fixture.store.bindings.record(aBinding([AGENT]))
    const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
    fixture.tokens.set('pod', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
    const obligations = { ...NO_OBLIGATIONS, record: 'output' as const }
    const exec = { resources: ['pods/exec'], verbs: ['get', 'create'] } as const
    fixture.policies.set('alice', [aRule({ ...exec, lifts: ['foreign-pod'], obligations })])
    let ended = 0
    const { recordings } = fixture.store
    recordings.onChange(async () => {
      const now = (await recordings.list({ live: false }, 0, 99)).length
      if (now > ended) say({ ended: now })
      ended = now
    })
    const { address, caPem, databasePath } = fixture
    say({ address, caPem, databasePath })
  },

  /** Pours what belongs to the pod that the path names, for as long as somebody takes it. */
  async apiServer() {
    const { onUpgrade, url, caPem } = await startFakeApiServer()
    onUpgrade(({ url: path = '' }, socket) => {
      const pod = /\/pods\/([^/]+)\/exec/.exec(path)?.[1] ?? ''
      socket.write(SWITCHING)
      let at = 0
      const pour = () => {
        if (socket.destroyed) return
        const flows = socket.write(fromServer(1, poured(pod, at, PIECE_BYTES)))
        at += PIECE_BYTES
        if (flows) setTimeout(pour, PAUSE_MS)
        else socket.once('drain', pour)
      }
      pour()
    })
    say({ url, caPem })
  },
}

await PARTS[process.argv[2] ?? '']?.()
