import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { AGENT_IMAGE } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { allowedOf, auditedOf, decidedOf } from './audit-join.ts'
import { theStage } from './cluster-setup.ts'
import { makeTwoNamespaces, type TwoNamespaces, workerPod } from './two-namespaces.ts'
import { WORKFLOWS } from './workflows.ts'

/*
 * What people do with kubectl all day, from a pod with Lanyard and from one without: the same words, the same end, masks or
 * not; and each request of it is one in kube-apiserver's own audit.
 */

vi.setConfig({ testTimeout: 120_000 })

let stage: Stage & { readonly cluster: Cluster }

beforeAll(async () => {
  stage = await theStage()
})

afterAll(() => stage?.close())

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
      .replace(/workflows(?:-masked)?(?:-plain)?\b/g, 'NAMESPACE')
      .replace(/User "system:serviceaccount:NAMESPACE:worker"/g, 'WHO')
      .replace(/pat \(root requester of pod NAMESPACE\/agent\)/g, 'WHO')
      // kubectl says so wherever there is more than one container.
      .replace(/^Defaulted container .*\n/gm, '')
      .replace(/: (?:RBAC does not allow it|no rule allows it) \[decision \w+\]/g, '')
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

const TOKEN = /lanyard-masked-[0-9a-f]{24}|bGFueWFyZC1tYXNrZWQt\w{32}/

/** What was shown with tokens, with what stood in their place where nothing was hidden. */
function withValues(masked: string, plain: string): string {
  const parts = masked.split(TOKEN).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('\\S+')}$`).test(plain) ? plain : masked
}

/** Pat may do everything there, and sees no values. */
const MASKS = {
  apiVersion: 'lanyard.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'pat-masked' },
  spec: {
    subjects: [{ kind: 'User', name: 'pat' }],
    rules: [
      {
        ...{ name: 'all', effect: 'Allow', apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
        ...{
          namespaces: ['workflows-masked'],
          mask: ['secret-values', 'env-values', 'credentials'],
        },
      },
    ],
  },
}

/**
 * What masks refuse (a JSON patch that moves what may be hidden, an archive that would come damaged), and what they change:
 * 700 KB of random bytes look like a credential somewhere by chance.
 */
const NOT_MASKED: readonly string[] = [
  'patch of each type',
  'cp there and back',
  'an object of 700 KB, there and back',
]
const names = Object.keys(WORKFLOWS)

describe.each([
  ['workflows', [], names, /^hunter2 TOKEN=hunter2-hunter2$/],
  [
    'workflows-masked',
    [MASKS],
    names.filter((name) => !NOT_MASKED.includes(name)),
    /^lanyard-masked-[0-9a-f]{24} TOKEN=lanyard-masked-[0-9a-f]{24}$/,
  ],
])('%s', (namespace, policies, own, shown) => {
  let two: TwoNamespaces
  let since: string

  beforeAll(async () => {
    since = new Date().toISOString()
    for (const policy of policies)
      await stage.admin.must(['apply', '-f', '-'], JSON.stringify(policy))
    two = await makeTwoNamespaces(stage.admin, namespace)
    await two.create(() => ['agent', 'target'].map((name) => workerPod(name, AGENT_IMAGE)))
    await two.ready('agent', 'target')
  })

  afterAll(async () => {
    await stage.admin.must(['delete', 'accesspolicy', 'pat-masked', '--ignore-not-found'])
    await two?.remove()
  })

  test.each(own)('%s', async (name) => {
    const [script, expected] = WORKFLOWS[name] ?? ['', []]
    const whole = `${PREFACE}(set -e\n${script}\n) 2>&1; echo "exit $?"`
    const said = await two.run(['sh', '-c', whole, 'sh', name.toLowerCase().replace(/\W+/g, '-')])
    const without = comparable(said.without)
    expect(withValues(comparable(said.withLanyard), without)).toBe(without)
    for (const part of expected) expect(without).toContain(part)
  })

  test('values are shown by what is decided, in objects and in what programs print', async () => {
    const script = `kubectl create secret generic shown --from-literal=password=hunter2 >/dev/null
kubectl get secret shown -o jsonpath='{.data.password}' | base64 -d; echo -n ' '
kubectl exec target -c main -- echo TOKEN=hunter2-hunter2`
    const said = await two.run(['sh', '-c', script])
    expect(said.withLanyard.trim()).toMatch(shown)
    expect(said.without.trim()).toBe('hunter2 TOKEN=hunter2-hunter2')
  })

  test('each request that was allowed is one in the audit of kube-apiserver, and nothing else is', async () => {
    const pod = { namespace, name: 'agent', since }
    const decided = await decidedOf(stage, pod)
    // Of who has gone before it was sent, nothing came; what masks refuse is not sent.
    const isRefused = ({ status }: (typeof decided)[number]) =>
      status?.httpStatus === 403 && status.fault === 'permission_denied'
    const sent = decided.filter((one) => one.status?.httpStatus !== 0 && !isRefused(one))
    const audited = await auditedOf(stage, pod, allowedOf(sent).length)
    expect(allowedOf(sent).length).toBeGreaterThan(200)
    const ids = new Set(audited.map(({ id }) => id))
    expect(audited).toHaveLength(ids.size)
    expect(allowedOf(decided).filter(({ id }) => ids.has(id))).toEqual(audited)
    expect(allowedOf(sent).filter(({ id }) => !ids.has(id))).toEqual([])
  })
})
