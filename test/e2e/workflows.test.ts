import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'
import { WORKFLOWS } from './workflows.ts'

/* What people do with kubectl all day, from a pod with Lanyard and from one without: the same words, the same end. */

vi.setConfig({ testTimeout: 120_000 })

let stage: Stage
let two: TwoNamespaces

beforeAll(async () => {
  stage = await theStage()
  two = await makeTwoNamespaces(stage.admin, 'workflows')
  await two.create(() => ['agent', 'target'].map((name) => workerPod(name, AGENT_IMAGE)))
  await two.ready('agent', 'target')
})

afterAll(async () => {
  await two?.remove()
  await stage?.close()
})

/** What the scripts may use; the nodes pull no image, and the image has no `diff`. */
const PREFACE = `cd /tmp; N=$1; IMAGE=${AGENT_IMAGE}; export KUBECTL_EXTERNAL_DIFF=/tmp/diff.py
echo "#!$(command -v python3)" >diff.py; cat >>diff.py <<'END'
import difflib, pathlib, sys
old, new = [{f.name: f.read_text().splitlines() for f in pathlib.Path(d).iterdir()} for d in sys.argv[1:]]
lines = [line for name in new for line in difflib.unified_diff(old.get(name, []), new[name], lineterm="")]
for line in lines: print(line)
sys.exit(1 if lines else 0)
END
chmod +x diff.py
present() { sed 's/"image":/"imagePullPolicy": "IfNotPresent", "image":/'; }
map() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","labels":{"of":"%s"}},"data":{"a":"%s"}}' "$1" "$N" "\${2:-1}"; }
deployment() { kubectl create deployment "$1" --image=$IMAGE --replicas=\${2:-0} -- sleep 900; }
`

/** What differs in any two namespaces: names, versions, times, addresses, the space between columns. */
function comparable(text: string): string {
  return (
    text
      .replace(/workflows(?:-plain)?\b/g, 'NAMESPACE')
      .replace(/User "system:serviceaccount:NAMESPACE:worker"/g, 'WHO')
      .replace(/pat \(root requester of pod NAMESPACE\/agent\)/g, 'WHO')
      // kubectl says so wherever there is more than one container.
      .replace(/^Defaulted container .*\n/gm, '')
      .replace(/: RBAC does not allow it \[decision \w+\]/g, '')
      .replace(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, 'UID')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/\b10\.\d+\.\d+\.\d+\b/g, 'ADDRESS')
      .replace(/(resourceVersion"?: "?)\d+/g, '$1VERSION')
      .replace(/\b(?:\d+m)?\d+s\b|<invalid>/g, 'AGE')
      .replace(/-[a-z0-9]{8,10}(?:-[a-z0-9]{5})?\b(?=[ \n"/]|$)/gm, '-HASH')
      .replace(/[ \t]+/g, ' ')
      .replace(/ $/gm, '')
  )
}

test.each(Object.entries(WORKFLOWS))('%s', async (name, [script, expected]) => {
  const whole = `${PREFACE}(set -e\n${script}\n) 2>&1; echo "exit $?"`
  const said = await two.run(['sh', '-c', whole, 'sh', name.toLowerCase().replace(/\W+/g, '-')])
  const without = comparable(said.without)
  expect(comparable(said.withLanyard)).toBe(without)
  for (const part of expected) expect(without).toContain(part)
})
