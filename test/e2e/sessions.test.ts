import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'

/* Sessions of kubectl in a pod, which are recorded with Lanyard and not without: what people see is the same. */

let stage: Stage
let two: TwoNamespaces

vi.setConfig({ testTimeout: 180_000 })

beforeAll(async () => {
  stage = await theStage()
  two = await makeTwoNamespaces(stage.admin, 'sessions')
  await two.create(() => ['agent', 'target'].map((name) => workerPod(name, AGENT_IMAGE)))
  await two.ready('agent', 'target')
})

afterAll(async () => {
  await two?.remove()
  await stage?.close()
})

/** The same in both, and just this. */
async function expectBoth(script: string, want: string): Promise<void> {
  expect(await two.run(['sh', '-c', script])).toEqual({ withLanyard: want, without: want })
}

const TRANSPORTS = [
  ['WebSocket', 'true'],
  ['SPDY', 'false'],
] as const

describe.each(TRANSPORTS)('kubectl over %s', (_name, on) => {
  const preface = `export KUBECTL_REMOTE_COMMAND_WEBSOCKETS=${on} KUBECTL_PORT_FORWARD_WEBSOCKETS=${on}
cd /tmp
`
  test('exec keeps output, error output and exit code', async () => {
    const script = `kubectl exec target -c main -- sh -c 'echo out; echo err >&2; exit 3' >o 2>e
echo $? $(cat o) $(head -1 e)`
    await expectBoth(preface + script, '3 out err\n')
  })

  test('exec -i passes input to its end, a MiB of it', async () => {
    const script = `head -c 1048576 /dev/urandom >sent
kubectl exec -i target -c main -- cat <sent >back; cmp sent back && echo same`
    await expectBoth(preface + script, 'same\n')
  })

  test('exec -it has a terminal', async () => {
    const script = `python3 -c 'import pty; pty.spawn(["kubectl", "exec", "-it", "target", "-c", "main", "--", "sh", "-c", "test -t 0 && echo terminal"])' </dev/null | tr -d '\\r'| grep -o terminal`
    await expectBoth(preface + script, 'terminal\n')
  })

  test('cp brings files there and back', async () => {
    const script = `head -c 3000000 /dev/urandom >there; rm -f back
kubectl cp -c main there target:/tmp/there >/dev/null 2>&1
kubectl cp -c main target:/tmp/there back >/dev/null 2>&1
cmp there back && echo same`
    await expectBoth(preface + script, 'same\n')
  })

  test('port-forward serves connections at the same time', async () => {
    const script = `kubectl exec target -c main -- sh -c 'mkdir -p /tmp/forwarded; cd /tmp/forwarded; echo served >page; (setsid python3 -m http.server 9099 >/dev/null 2>&1 </dev/null &); sleep 2'
: >pf.log; kubectl port-forward pod/target 0:9099 >pf.log 2>&1 & pf=$!
n=0; until grep -q Forwarding pf.log || [ $n = 50 ]; do sleep 0.2; n=$((n+1)); done
P=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' pf.log)
for i in 1 2 3 4 5 6; do curl -s -m 9 http://127.0.0.1:$P/page & w="$w $!"; done; wait $w; kill $pf`
    await expectBoth(preface + script, 'served\n'.repeat(6))
  })
})

test('a session is recorded, and who asks first is told that it is allowed', async () => {
  const ask = 'kubectl auth can-i create pods --subresource=exec'
  await expectBoth(ask, 'yes\n')
  const { stdout } = await stage.admin.must(['get', 'auditevents', '-n', two.watched, '-o', 'json'])
  const { items } = JSON.parse(stdout) as {
    items: { spec: { subresource: string; obligations?: { record: string } } }[]
  }
  const execs = items.filter(({ spec }) => spec.subresource === 'exec')
  expect(execs.length).toBeGreaterThan(0)
  expect(execs.map(({ spec }) => spec.obligations?.record)).toEqual(execs.map(() => 'output'))
})
