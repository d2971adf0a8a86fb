import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AccessRequestObject } from '../../api/objects/access-request-object.ts'
import { waitFor } from '../cluster/control.ts'
import { type Answer, createKubectl, type Kubectl } from '../demo/kubectl.ts'
import { namespaceObjects, pod, WATCHED } from '../demo/manifests.ts'
import { theStage } from './cluster-setup.ts'
import { removePod, startPod } from './start-pod.ts'

/* A pod that another pod launched is held, and people answer with plain kubectl, by their own certificates. */

vi.setConfig({ testTimeout: 180_000 })

const REQUESTS = `/apis/access.lanyard.dev/v1alpha1/namespaces/${WATCHED}/accessrequests`
const SYSTEM = 'lanyard-system'
const EXEC_SECONDS = 20

let stage: Awaited<ReturnType<typeof theStage>>
let oncall: Kubectl
let alice: Kubectl

beforeAll(async () => {
  stage = await theStage()
  await removeOwn()
  const person = async (name: string) =>
    createKubectl({
      kubectlPath: stage.cluster.kubectlPath,
      kubeconfig: await stage.cluster.kubeconfigFor(name, ['oncall', 'developers']),
      path: stage.path,
    })
  oncall = await person('oncall')
  alice = await person('alice')
  const roles = [
    ['lanyard-approver', '--group=oncall'],
    ['lanyard-requester', '--user=alice'],
  ]
  for (const [role = '', whom = ''] of roles) {
    const binding = ['create', 'clusterrolebinding', `e2e-${role}`, `--clusterrole=${role}`, whom]
    await stage.admin.must(binding)
  }
  await stage.admin.must(['apply', '-f', '-'], POLICY)
  await startPod(stage.alice, 'launcher')
  await must(
    await inPod(
      'launcher',
      ['create', '-f', '-'],
      JSON.stringify(pod(WATCHED, 'nested', 'builder')),
    ),
  )
  await stage.admin.must([
    'wait',
    'pod/nested',
    '-n',
    WATCHED,
    '--for=condition=Ready',
    '--timeout=120s',
  ])
})

afterAll(async () => {
  await removeOwn()
  await restoreShop()
  await stage?.close()
})

async function removeOwn(): Promise<void> {
  const bindings = ['lanyard-approver', 'lanyard-requester'].map(
    (role) => `clusterrolebinding/e2e-${role}`,
  )
  const objects = [...bindings, 'accesspolicy/approvals-e2e']
  await stage?.admin.must(['delete', ...objects, '--ignore-not-found', '--wait'])
  for (const name of ['nested', 'launcher']) await removePod(stage.admin, name)
}

const POLICY = JSON.stringify({
  apiVersion: 'lanyard.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'approvals-e2e' },
  spec: {
    subjects: [{ kind: 'User', name: 'alice' }],
    rules: [
      {
        ...{ name: 'work', effect: 'Allow', apiGroups: ['', 'apps'], namespaces: [WATCHED] },
        resources: ['pods', 'deployments', 'services'],
        verbs: ['get', 'list', 'watch', 'create'],
      },
      {
        ...{
          name: 'writes',
          effect: 'RequireApproval',
          apiGroups: ['apps'],
          namespaces: [WATCHED],
        },
        ...{ resources: ['deployments'], verbs: ['delete', 'patch'] },
        approval: {
          approvers: [{ kind: 'Group', name: 'oncall' }],
          ...{ duration: '10m', wait: '1s', answerWithin: '10m' },
        },
      },
      {
        ...{ name: 'waits', effect: 'RequireApproval', apiGroups: [''], namespaces: [WATCHED] },
        ...{ resources: ['services'], verbs: ['delete'] },
        approval: { approvers: [{ kind: 'Group', name: 'oncall' }], wait: '40s' },
      },
      {
        ...{ name: 'shells', effect: 'RequireApproval', apiGroups: [''], namespaces: [WATCHED] },
        ...{ resources: ['pods/exec'], verbs: ['get', 'create'] },
        approval: {
          approvers: [{ kind: 'Group', name: 'oncall' }],
          ...{ scope: 'command', duration: `${EXEC_SECONDS}s`, wait: '1s' },
        },
      },
    ],
  },
})

function inPod(name: string, argv: readonly string[], input?: string): Promise<Answer> {
  const exec = ['exec', '-i', '-n', WATCHED, name, '-c', 'main', '--', 'kubectl']
  return stage.admin.run([...exec, ...argv], input)
}

const inside = (...argv: readonly string[]) => inPod('nested', argv)

async function must(answer: Answer): Promise<void> {
  expect(answer.exitCode, answer.text).toBe(0)
}

/** The id in a refusal, which is held for an approval. */
async function held(answer: Promise<Answer>): Promise<AccessRequestObject> {
  const { exitCode, text } = await answer
  expect(exitCode, text).not.toBe(0)
  const found = (await waiting()).filter(({ metadata }) => text.includes(metadata.name))
  expect(found, text).toHaveLength(1)
  return found[0] as AccessRequestObject
}

async function waiting(): Promise<readonly AccessRequestObject[]> {
  const pending = ['--field-selector=status.phase=Pending', '-o', 'json']
  const { stdout } = await oncall.must(['get', 'accessrequests', '-n', WATCHED, ...pending])
  return (JSON.parse(stdout) as { items: readonly AccessRequestObject[] }).items
}

/** Answers with plain kubectl. */
function answer(
  who: Kubectl,
  { metadata, spec }: AccessRequestObject,
  action: 'approve' | 'deny',
  scope = 'request',
): Promise<Answer> {
  const body = { digest: spec.digest, ...(action === 'approve' ? { scope } : {}) }
  const create = ['create', '--raw', `${REQUESTS}/${metadata.name}/${action}`, '-f', '-']
  return who.run(create, JSON.stringify(body))
}

async function approve(request: AccessRequestObject, scope?: string): Promise<void> {
  await must(await answer(oncall, request, 'approve', scope))
}

/** The Deployment that the story covets, a new object of the same name. */
async function restoreShop(): Promise<void> {
  const shop = namespaceObjects(WATCHED).filter(({ kind }) => kind === 'Deployment')
  const list = { apiVersion: 'v1', kind: 'List', items: shop }
  await stage?.admin.must(['apply', '-f', '-'], JSON.stringify(list))
}

describe('a nested pod that deletes a Deployment', () => {
  const remove = () => inside('delete', 'deployment', 'shop', '--wait=false')

  test('is held, and neither alice nor who impersonates lets it through', async () => {
    const request = await held(remove())
    expect(request.spec).toMatchObject({ rootRequester: 'alice', pod: 'nested', verb: 'delete' })
    expect(request.spec.chain.actors.map(({ name }) => name)).toEqual(['launcher', 'nested'])
    expect((await answer(alice, request, 'approve')).text).toMatch(/in the chain of this request/)
    const body = JSON.stringify({ digest: request.spec.digest, scope: 'request' })
    const create = ['create', '--raw', `${REQUESTS}/${request.metadata.name}/approve`, '-f', '-']
    const disguised = await alice.run([...create, '--as=oncall', '--as-group=oncall'], body)
    expect(disguised.text).toMatch(/cannot impersonate/)
    // From the pod itself: its account is no person, and it may not be another.
    const own = await inPod('nested', create, body)
    expect(own.exitCode, own.text).not.toBe(0)
    expect(await waiting()).toHaveLength(1)
    expect(await held(remove())).toMatchObject({ metadata: { name: request.metadata.name } })
  })

  test('passes once oncall has approved, once, and is held again for another object of the name', async () => {
    const [request] = await waiting()
    await approve(request as AccessRequestObject)
    await must(await remove())
    await waitFor('the end of the Deployment', 10_000, async () => {
      const get = ['get', 'deployment', 'shop', '-n', WATCHED]
      return (await stage.admin.run(get)).exitCode !== 0
    })
    await restoreShop()
    const again = await held(remove())
    expect(again.metadata.name).not.toBe(request?.metadata.name)
    expect(again.spec.object?.uid).not.toBe(request?.spec.object?.uid)
    await must(await answer(oncall, again, 'deny'))
    expect((await remove()).text).toMatch(/denied/i)
  })

  test('is held again when the object is replaced after the approval', async () => {
    const scale = (replicas: number) => {
      const patch = JSON.stringify({ metadata: { labels: { replicas: String(replicas) } } })
      return inside('patch', 'deployment', 'shop', '--type=merge', '-p', patch)
    }
    const request = await held(scale(1))
    await approve(request)
    const other = await held(scale(2))
    expect(other.spec.bodySha256).not.toBe(request.spec.bodySha256)
    await stage.admin.must(['delete', 'deployment', 'shop', '-n', WATCHED, '--wait'])
    await restoreShop()
    const replaced = await held(scale(1))
    expect(replaced.spec.bodySha256).toBe(request.spec.bodySha256)
    expect(replaced.spec.object?.uid).not.toBe(request.spec.object?.uid)
    await approve(replaced)
    await must(await scale(1))
    await held(scale(1))
  })
})

test('a call that waits is answered as if nothing had been held, once it is approved', async () => {
  await must(await inside('create', 'service', 'clusterip', 'notes', '--tcp=80'))
  const calling = inside('delete', 'service', 'notes', '--wait=false')
  let request: AccessRequestObject | undefined
  await waitFor('the request', 20_000, async () => {
    request = (await waiting()).find(({ spec }) => spec.resource === 'services')
    return request !== undefined
  })
  await approve(request as AccessRequestObject)
  await must(await calling)
})

test('an exec is one request, and ends within two seconds of the end of its grant', async () => {
  const open = () => inPod('launcher', ['exec', 'nested', '-c', 'main', '--', 'sleep', '120'])
  const request = await held(open())
  expect((await waiting()).filter(({ spec }) => spec.subresource === 'exec')).toHaveLength(1)
  await approve(request, 'command')
  const { stdout } = await oncall.must(['get', 'accessgrants', '-n', WATCHED, '-o', 'json'])
  const { items } = JSON.parse(stdout) as {
    items: readonly { spec: { request: string; expiresAt: string } }[]
  }
  const grant = items.find(({ spec }) => spec.request === request.metadata.name)
  const expiresAtMs = Date.parse(grant?.spec.expiresAt ?? '')
  const ended = open().then(() => Date.now())
  const lateMs = (await ended) - expiresAtMs
  expect(lateMs).toBeGreaterThan(0)
  // The time is told in whole seconds.
  expect(lateMs).toBeLessThan(3_000)
})

test('a restart of the control plane loses no request and no grant', async () => {
  const remove = () => inside('delete', 'deployment', 'shop', '--wait=false')
  const patch = JSON.stringify({ metadata: { labels: { restarted: 'true' } } })
  const change = () => inside('patch', 'deployment', 'shop', '--type=merge', '-p', patch)
  const waits = await held(change())
  await stage.admin.must(['rollout', 'restart', 'statefulset/lanyard-control-plane', '-n', SYSTEM])
  const status = ['rollout', 'status', 'statefulset/lanyard-control-plane', '-n', SYSTEM]
  await stage.admin.must([...status, '--timeout=120s'])
  await waitFor('the API', 60_000, async () => {
    const get = ['get', 'accessrequest', waits.metadata.name, '-n', WATCHED]
    return (await oncall.run(get)).exitCode === 0
  })
  await approve(waits)
  await waitFor('the sidecar to be back', 60_000, async () => {
    return (await inside('get', 'deployment', 'shop')).exitCode === 0
  })
  await must(await change())
  await held(remove())
})
