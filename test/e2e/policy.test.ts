import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitFor } from '../cluster/control.ts'
import type { Answer } from '../demo/kubectl.ts'
import { UNWATCHED, WATCHED } from '../demo/manifests.ts'
import type { Stage } from '../demo/stage.ts'
import { theStage } from './cluster-setup.ts'
import { startPod } from './start-pod.ts'

/* AccessPolicies, RBAC changes and guards, as they are felt inside a pod. */

let stage: Stage

beforeAll(async () => {
  stage = await theStage()
  await removeOwn()
  await startPod(stage.alice, 'ruled')
})

afterAll(async () => {
  await removeOwn()
  await stage?.close()
})

/** Whatever an earlier run left, so that a test that failed does not fail the next. */
async function removeOwn(): Promise<void> {
  const mine = ['pod/ruled', 'role/extra', 'rolebinding/extra', 'role/tunnels']
  const namespaced = [...mine, 'rolebinding/tunnels', '-n', WATCHED]
  for (const what of [namespaced, ['accesspolicy/alice'], ['clusterrolebinding/builder-all']]) {
    await stage?.admin.must(['delete', ...what, '--ignore-not-found', '--wait'])
  }
  await stage?.admin.must(['label', 'namespace', WATCHED, 'lanyard.dev/mode-'])
}

const inside = (...argv: string[]) =>
  stage.admin.run(['exec', '-n', WATCHED, 'ruled', '-c', 'main', '--', 'kubectl', ...argv])

/** A watch of ConfigMaps that has begun. The function waits for its end, and says when it was. */
async function openWatch(): Promise<() => Promise<number>> {
  let endedAtMs = 0
  const ended = inside('get', 'configmaps', '--watch-only').then(() => {
    endedAtMs = Date.now()
    return endedAtMs
  })
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(endedAtMs).toBe(0)
  return () => ended
}

/**
 * Tries again and again until a change is felt. How long after it, in milliseconds, the last attempt
 * began that was still answered as before: attempts themselves take a while.
 */
async function lastAttempt(what: string, before: 'allowed' | 'refused'): Promise<number> {
  const changedAtMs = Date.now()
  let lastMs = 0
  await waitFor(what, 10_000, async () => {
    const beganMs = Date.now() - changedAtMs
    const { exitCode } = await inside('get', 'configmaps')
    const asBefore = (exitCode === 0) === (before === 'allowed')
    lastMs = asBefore ? beganMs : lastMs
    return !asBefore
  })
  return lastMs
}

interface Rule {
  readonly name: string
  readonly [field: string]: unknown
}

function policy(rules: readonly Rule[]): string {
  const spec = { subjects: [{ kind: 'User', name: 'alice' }], rules }
  return JSON.stringify({
    apiVersion: 'lanyard.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: 'alice' },
    spec,
  })
}

const READ: Rule = {
  name: 'read',
  effect: 'Allow',
  apiGroups: [''],
  resources: ['pods', 'configmaps', 'secrets'],
  verbs: ['get', 'list', 'watch'],
  namespaces: [WATCHED],
}

async function accepted(): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Accepted")].status}'
  return (await stage.admin.run(['get', 'accesspolicy', 'alice', '-o', path])).stdout
}

describe('an AccessPolicy', () => {
  test('stands in the place of RBAC for whom it names', async () => {
    await stage.admin.must(['apply', '-f', '-'], policy([READ]))
    await waitFor('the policy to be accepted', 10_000, async () => (await accepted()) === 'True')
    expect((await inside('get', 'secret', 'db')).exitCode).toBe(0)
    const job = await inside('get', 'jobs')
    expect(job.text).toMatch(/alice .* cannot list resource "jobs".*no rule allows it/)
  })

  test('denies what a Deny matches, whatever allows it', async () => {
    const deny: Rule = { ...READ, name: 'no-secrets', effect: 'Deny', resources: ['secrets'] }
    await stage.admin.must(['apply', '-f', '-'], policy([READ, deny]))
    await waitFor(
      'the Deny',
      10_000,
      async () => (await inside('get', 'secret', 'db')).exitCode !== 0,
    )
    expect((await inside('get', 'secret', 'db')).text).toMatch(/rule "alice\/no-secrets" denies it/)
    expect((await inside('get', 'configmaps')).exitCode).toBe(0)
  })

  test('that changes cuts an open watch within two seconds when it no longer allows it', async () => {
    await stage.admin.must(['apply', '-f', '-'], policy([READ]))
    await waitFor(
      'the policy',
      10_000,
      async () => (await inside('get', 'configmaps')).exitCode === 0,
    )
    const ended = await openWatch()
    await stage.admin.must(['apply', '-f', '-'], policy([{ ...READ, resources: ['pods'] }]))
    const changed = Date.now()
    expect((await ended()) - changed).toBeLessThan(2_000)
    expect((await inside('get', 'pods')).exitCode).toBe(0)
  })

  test('that is not valid denies its subjects everything, and says so in its status', async () => {
    await stage.admin.must(
      ['apply', '--validate=false', '-f', '-'],
      policy([READ, { ...READ, name: 'masked', mask: ['faces'] }]),
    )
    await waitFor('the policy to be refused', 10_000, async () => (await accepted()) === 'False')
    const answer = await inside('get', 'pods')
    expect(answer.text).toMatch(/AccessPolicy "alice" is not valid/)
    const reason = await stage.admin.must([
      'get',
      'accesspolicy',
      'alice',
      '-o',
      'jsonpath={.status.conditions[0].message}',
    ])
    expect(reason.stdout).toMatch(/spec\.rules\[1\]\.mask: no mask is called "faces"/)
  })

  test('with an effect of another version is refused by the API server', async () => {
    const answer = await stage.admin.run(['apply', '-f', '-'], policy([{ ...READ, effect: 'Ask' }]))
    expect(answer.text).toMatch(/effect/)
    expect(answer.exitCode).not.toBe(0)
  })

  test('that is deleted leaves RBAC to judge again', async () => {
    await stage.admin.must(['delete', 'accesspolicy', 'alice'])
    await waitFor('RBAC', 10_000, async () => (await inside('get', 'jobs')).exitCode === 0)
    expect((await inside('get', 'secret', 'db')).text).toMatch(/RBAC does not allow it/)
  })
})

describe('RBAC', () => {
  const binding = ['rolebinding', 'extra', '-n', WATCHED]
  test('is felt within two seconds, both ways', async () => {
    expect((await inside('get', 'configmaps')).exitCode).not.toBe(0)
    await stage.admin.must([
      'create',
      'role',
      'extra',
      '-n',
      WATCHED,
      '--verb=list,watch',
      '--resource=configmaps',
    ])
    await stage.admin.must(['create', ...binding, '--role=extra', '--user=alice'])
    expect(await lastAttempt('the grant', 'refused')).toBeLessThan(2_000)
    await stage.admin.must(['delete', ...binding])
    expect(await lastAttempt('the end of the grant', 'allowed')).toBeLessThan(2_000)
  })

  test('cuts an open watch within two seconds when it no longer allows it', async () => {
    await stage.admin.must(['create', ...binding, '--role=extra', '--user=alice'])
    await waitFor(
      'the grant',
      5_000,
      async () => (await inside('get', 'configmaps')).exitCode === 0,
    )
    const ended = await openWatch()
    await stage.admin.must(['delete', ...binding])
    const revoked = Date.now()
    expect((await ended()) - revoked).toBeLessThan(2_000)
    await stage.admin.must(['delete', 'role', 'extra', '-n', WATCHED])
  })
})

describe('a guard', () => {
  test.each([
    [
      'a launch where nothing is injected',
      ['-n', UNWATCHED, 'run', 'out', '--image=x'],
      /launch-outside|RBAC does not allow/,
    ],
    ['a proxy to a node', ['get', '--raw', '/api/v1/nodes/node/proxy/pods'], /forbidden/],
    ['impersonation', ['get', 'pods', '--as=admin'], /./],
  ])('stands before %s', async (_name, args, says) => {
    const answer = await inside(...args)
    expect(answer.text).toMatch(says)
  })

  test('stands even before an administrator whose pod it is', async () => {
    const name = 'powerful'
    await startPod(stage.admin, name)
    await stage.admin.must([
      'create',
      'clusterrolebinding',
      'builder-all',
      '--clusterrole=cluster-admin',
      `--serviceaccount=${WATCHED}:builder`,
    ])
    const from = (...argv: string[]) =>
      stage.admin.run(['exec', '-n', WATCHED, name, '-c', 'main', '--', 'kubectl', ...argv])
    const refused = [
      [['-n', UNWATCHED, 'run', 'out', '--image=x'], /guard launch-outside/],
      [['create', 'token', 'builder'], /guard credentials/],
      [['get', '--raw', '/api/v1/nodes/node/proxy/pods'], /guard node-proxy/],
      [['label', 'namespace', WATCHED, 'lanyard.dev/injection-'], /guard lanyard-config/],
      [['delete', 'mutatingwebhookconfiguration', 'lanyard-injector'], /guard lanyard-config/],
      [['exec', 'ruled', '-c', 'main', '--', 'id'], /guard foreign-pod/],
      [
        ['create', 'clusterrolebinding', 'me', '--clusterrole=cluster-admin', '--user=alice'],
        /guard rbac-escalation/,
      ],
    ] as const
    for (const [args, says] of refused) expect((await from(...args)).text).toMatch(says)
    // What no guard minds is an administrator's to do.
    expect((await from('get', 'secret', 'db')).exitCode).toBe(0)
    expect((await from('exec', name, '-c', 'main', '--', 'id')).stdout).toContain('uid=1000')
    await stage.admin.must(['delete', 'clusterrolebinding', 'builder-all'])
    await stage.admin.must(['delete', 'pod', name, '-n', WATCHED, '--wait=false'])
  })
})

test('an observed namespace lets pass and warns, and the record says deny', async () => {
  await stage.admin.must(['label', 'namespace', WATCHED, 'lanyard.dev/mode=observe'])
  await waitFor(
    'the mode',
    10_000,
    async () => (await inside('get', 'secret', 'db')).exitCode === 0,
  )
  const answer = await inside('get', 'secret', 'db')
  expect(answer.stderr).toMatch(/Warning:.*alice/)
  const listed = await stage.admin.must([
    'get',
    'auditevents',
    '-n',
    WATCHED,
    '--field-selector',
    'spec.pod=ruled,spec.effect=Deny',
    '-o',
    'json',
  ])
  const { items } = JSON.parse(listed.stdout) as { items: { spec: { observed: boolean } }[] }
  expect(items.at(-1)?.spec.observed).toBe(true)
  await stage.admin.must(['label', 'namespace', WATCHED, 'lanyard.dev/mode-'])
  await waitFor(
    'enforcement',
    10_000,
    async () => (await inside('get', 'secret', 'db')).exitCode !== 0,
  )
})

describe.each([
  { transport: 'SPDY', verbs: 'create', judged: 'create' },
  // Before 1.35 kube-apiserver itself asks for "get" when a WebSocket is opened.
  { transport: 'WebSocket', verbs: 'create,get', judged: 'get' },
])('over $transport', ({ verbs, judged }) => {
  beforeAll(async () => {
    const resources = '--resource=pods/exec,pods/attach,pods/portforward'
    await inTeam('create', 'role', 'tunnels', `--verb=${verbs}`, resources)
    await inTeam('create', 'rolebinding', 'tunnels', '--role=tunnels', '--user=alice')
    await waitFor('the grant', 5_000, async () => (await lastExec()) === `${judged} allow`)
  })

  afterAll(() => inTeam('delete', 'role/tunnels', 'rolebinding/tunnels'))

  test('exec passes bytes, the end of input, and the exit code', async () => {
    const said = await script(`head -c 200000 /dev/zero | kubectl exec -i ruled -c main -- wc -c
kubectl exec ruled -c main -- sh -c "exit 7"; echo code $?`)
    expect(said).toBe('200000\ncode 7\n')
  })

  test('cp brings the same bytes there and back', async () => {
    const said = await script(`head -c 300000 /dev/urandom > /tmp/a
kubectl cp -c main /tmp/a ruled:/tmp/b; kubectl cp -c main ruled:/tmp/b /tmp/c >/dev/null
for f in a b c; do sha256sum < /tmp/$f; done | sort | uniq -c | awk '{print $1}'`)
    expect(said.trim()).toBe('3')
  })

  test('attach shows what the container says', async () => {
    const said = await script('timeout 20 kubectl attach ruled -c main 2>/dev/null | head -n 1')
    expect(said).toMatch(/^tick \d+\n$/)
  })

  test('port-forward carries a request to a port of the pod', async () => {
    const said = await script(`kubectl port-forward pod/ruled 18080:16444 >/dev/null 2>&1 & P=$!
curl -s --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:18080/livez; kill $P`)
    expect(said).toMatch(/ok\n$/)
  })

  /** Tries an exec, and says how it was judged: by which verb, and with which effect. */
  async function lastExec(): Promise<string> {
    await inside('exec', 'ruled', '-c', 'main', '--', 'id')
    const selector = '--field-selector=spec.pod=ruled,spec.resource=pods'
    const { stdout } = await inTeam('get', 'auditevents', selector, '-o', 'json')
    const { items } = JSON.parse(stdout) as { items: ExecEvent[] }
    const last = items.filter(({ spec }) => spec.subresource === 'exec').at(-1)
    return `${last?.spec.verb} ${last?.spec.effect.toLowerCase()}`
  }
})

interface ExecEvent {
  readonly spec: { readonly verb: string; readonly subresource?: string; readonly effect: string }
}

function inTeam(...args: readonly string[]): Promise<Answer> {
  return stage.admin.must([...args, '-n', WATCHED])
}

/** Output of a shell script in the pod. */
async function script(text: string): Promise<string> {
  const where = ['exec', '-n', WATCHED, 'ruled', '-c', 'main', '--']
  return (await stage.admin.run([...where, 'sh', '-c', text])).stdout
}
