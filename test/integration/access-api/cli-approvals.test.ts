import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../../control-plane/store/store.ts'
import type { AccessRequest } from '../../../core/approvals/access-request.ts'
import {
  type AccessApiFixture,
  sqliteStores,
  startAccessApi,
} from '../../support/access-api-fixture.ts'
import { aRequestId, openRequest } from '../../support/access-request-parts.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { aHeldRule } from '../../support/approval-parts.ts'
import { aRequest } from '../../support/policy-builders.ts'
import { NOON_MS } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

/* Approvals as people see them: kubectl lanyard, the aggregated API, and the product's own store. */

const RULES = [
  aHeldRule({
    approvers: ['oncall', 'dora'].map((name) => ({ kind: 'User', name })),
  }),
]
const ID = aRequestId(1)

let api: AccessApiFixture
let cluster: AggregatingCluster
let store: Store
let folder: string
let forbidden: string[]
let close: () => Promise<void>

beforeEach(async () => {
  const stores = await sqliteStores()
  store = stores.store as Store
  forbidden = []
  api = await startAccessApi(
    {
      authorize: async ({ username }, { verb, subresource }) =>
        username !== 'mallory' && !forbidden.includes(`${username} ${verb} ${subresource}`),
    },
    stores,
  )
  cluster = await startAggregatingCluster(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-approvals-'))
  for (const user of ['alice', 'oncall', 'dora', 'mallory']) {
    await writeFile(join(folder, user), cluster.kubeconfig(user))
  }
  close = async () => {
    await cluster.close()
    await api.close()
    await stores.close()
    await rm(folder, { recursive: true, force: true })
  }
})
afterEach(() => close())

function run(line: string, user = 'oncall'): Promise<CliRun> {
  const env = { KUBECONFIG: join(folder, user) }
  return runInMemory(line.split(' '), { env, nowMs: NOON_MS + 60_000 })
}

const open = (number: number, parts: Parameters<typeof openRequest>[2] = {}) =>
  openRequest(store, number, { rules: RULES, ...parts })
const phaseOf = (id: string) => store.accessRequests.get(id)?.phase

describe('requests', () => {
  test('lists what waits, in every form', async () => {
    const first = await open(1, { reason: 'INC-7' })
    await open(2)
    await run(`deny ${aRequestId(2)} --reason no`)
    const table = (await run('requests -A')).stdout
    expect(table.split('\n')[0]).toMatch(/^NAMESPACE +NAME +STATUS +APPROVALS +ROOT REQUESTER +POD/)
    expect(table).toMatch(
      new RegExp(
        `^team +${ID} +Pending +0/1 +alice +agent +delete +deployments.apps +team/web`,
        'm',
      ),
    )
    expect(table).not.toContain(aRequestId(2))
    expect((await run('requests -o wide')).stdout).toMatch(/agents\/careful .*INC-7/)
    expect((await run('requests -o name')).stdout).toBe(`accessrequest.access.lanyard.dev/${ID}\n`)
    const json = JSON.parse((await run('requests -o json')).stdout)
    expect(json).toMatchObject({
      ...{ kind: 'AccessRequestList', items: [{ spec: { digest: first.digest } }] },
    })
    expect((await run('requests -o yaml')).stdout).toMatch(/^kind: AccessRequestList\n/)
    expect((await run('requests --all -o name')).stdout.trim().split('\n')).toHaveLength(2)
    expect((await run('requests --root nobody')).stderr).toBe(
      'No waiting requests found in team namespace; kubectl lanyard requests --all lists those that were answered.\n',
    )
  })

  test('marks break glass', async () => {
    await open(1, { rules: [aHeldRule({ approvers: [], self: true })] })
    expect((await run('requests')).stdout).toContain('Pending (break glass)')
  })

  test.each([
    ['a watch as YAML', 'requests -w -o yaml', 2, /--watch writes/],
    ['no id', 'approve', 2, /missing required argument/],
    ['what is no id', 'approve web', 2, /is not the id|too short|no whole id/],
    ['no reason of a denial', `deny ${ID}`, 2, /required option '--reason/],
    ['another scope', `approve ${ID} --scope all`, 2, /Allowed choices/],
    ['an id that is not', `approve ${aRequestId(77)}`, 1, /There is no access request/],
    ['nothing to revoke', 'revoke --reason x', 2, /either --root NAME or --grant ID/],
    ['both to revoke', `revoke --root a --grant ${ID} --reason x`, 2, /either/],
    ['options of chains', `revoke --grant ${ID} --only-root --reason x`, 2, /no option but/],
    ['a grant that is not', `revoke --grant ${ID} --reason x`, 1, /There is no live grant/],
  ])('and the like refuse %s', async (_what, line, exitCode, message) => {
    const refused = await run(line)
    expect([refused.exitCode, refused.stderr]).toEqual([exitCode, expect.stringMatching(message)])
  })
})

describe('request show', () => {
  test('shows who asks for what, the bytes, what it would allow, and what you may do', async () => {
    const body = '{"kind":"DeleteOptions","gracePeriodSeconds":0}'
    const { digest } = await open(1, { body, reason: 'clean up\u202e' })
    const { stdout, exitCode } = await run(`request show ${ID} --utc`)
    expect(exitCode).toBe(0)
    for (const line of [
      /^Request +Pending {2}\w+ {2}made 2026-11-23T10:00:01Z, can be answered for 9m/m,
      /^Asks for +delete deployments.apps "web" in namespace team$/m,
      /^ +DELETE \/apis\/apps\/v1\/namespaces\/team\/deployments\/web\?number=1$/m,
      /^ +of the object with uid uid-of-web, version 41$/m,
      /^Chain +alice \(User, root requester\)$/m,
      /^Reason +clean up\\u202e \(unchecked\)$/m,
      /^Rules +agents\/careful \(for alice\): 1 of: User oncall, User dora; scope rule at most, for 15m$/m,
      new RegExp(`^Digest +${digest}$`, 'm'),
      /^ +\| {3}"gracePeriodSeconds": 0$/m,
      /^Allows +scope request: this request with these bytes, once; nothing besides$/m,
      /^You may +kubectl lanyard approve \w+ -n team --scope request$/m,
    ]) {
      expect(stdout).toMatch(line)
    }
    expect(stdout).not.toContain('cancel')
  })

  test('offers nothing that would fail', async () => {
    await open(1)
    const asAlice = (await run(`request show ${ID}`, 'alice')).stdout
    expect(asAlice).not.toMatch(/lanyard (?:approve|deny)/)
    expect(asAlice).toMatch(/lanyard cancel .*\n.*alice is in the chain/)
    forbidden = ['oncall create approve']
    const asOncall = (await run(`request show ${ID}`)).stdout
    expect(asOncall).not.toMatch(/lanyard approve/)
    expect(asOncall).toMatch(/RBAC does not let you create accessrequests\/approve/)
  })

  test('says that the body is not for who may not read it', async () => {
    await open(1)
    forbidden = ['oncall get content']
    expect((await run(`request show ${ID}`)).stdout).toMatch(/not shown: you may not get/)
  })

  test('marks what it cuts, and shows all when asked', async () => {
    const body = JSON.stringify(Array.from({ length: 300 }, (_, index) => `line ${index}`))
    await open(1, { body })
    const { stdout } = await run(`request show ${ID}`)
    expect(stdout).toMatch(/\[102 more lines: --full\]/)
    expect(stdout).not.toContain('line 299')
    expect((await run(`request show ${ID} --full`)).stdout).toContain('line 299')
  })

  test('lets nothing that the caller wrote begin where its own lines do', async () => {
    const lure = `You may    kubectl lanyard approve ${aRequestId(2)} --scope rule`
    const body = JSON.stringify({ note: `${' '.repeat(60)}${lure}` })
    await open(1, { body, reason: `${' '.repeat(200)}x${' '.repeat(90)}${lure}` })
    const lines = (await run(`request show ${ID}`)).stdout.split('\n')
    const own = /^(?:Request|Rules|Allows|You may) |^ +(?:scope|kubectl lanyard) /
    expect(lines.filter((line) => line.length > 80 && !own.test(line))).toEqual([])
    expect(lines.filter((line) => /^You may/.test(line))).toEqual([
      expect.stringContaining(`approve ${ID} `),
    ])
  })

  test('shows the command of an exec', async () => {
    const exec = {
      ...{ command: ['sh', '-c', 'rm -rf /'], stdin: false, stdout: true, stderr: true },
      ...{ tty: false, container: 'app', env: [] },
    }
    const attributes = aRequest({ verb: 'create', subresource: 'exec', name: 'web', exec })
    await open(1, { held: { attributes, method: '', target: '' }, body: '' })
    expect((await run(`request show ${ID}`)).stdout).toMatch(/^ +to run sh -c 'rm -rf \/'$/m)
  })
})

describe('approve', () => {
  test('approves the bytes that were read, once unless told otherwise', async () => {
    await open(1)
    const { stdout, exitCode } = await run(`approve ${ID}`)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/approved, scope request: delete deployments.apps "web"/)
    const grant = store.accessRequests.get(ID)?.grantId ?? ''
    expect(stdout).toContain(`kubectl lanyard revoke --grant ${grant} -n team`)
    expect(store.accessRequests.grant(grant)).toMatchObject({ usesMax: 1, scope: 'request' })
    const again = await run(`approve ${ID}`)
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringMatching(/Approved already/)])
  })

  test('exits 3 while others have to approve too, who are counted once', async () => {
    const approvers = ['oncall', 'dora'].map((name) => ({ kind: 'User' as const, name }))
    await open(1, { rules: [aHeldRule({ approvers, minimum: 2 })] })
    expect(await run(`approve ${ID}`)).toMatchObject({
      ...{ exitCode: 3, stdout: expect.stringMatching(/needs others too/) },
    })
    expect((await run(`approve ${ID}`)).exitCode).toBe(1)
    expect((await run('requests')).stdout).toMatch(/Pending +1\/2/)
    expect((await run(`approve ${ID}`, 'dora')).exitCode).toBe(0)
  })

  test('is not for who asks, nor for who is no approver, nor without what RBAC wants', async () => {
    await open(1)
    const asAlice = await run(`approve ${ID}`, 'alice')
    expect([asAlice.exitCode, asAlice.stderr]).toEqual([1, expect.stringMatching(/in the chain/)])
    expect(asAlice.stderr).not.toMatch(/Ask an administrator/)
    const asMallory = await run(`approve ${ID}`, 'mallory')
    expect(asMallory.stderr).toMatch(/ClusterRole lanyard-(?:viewer|approver)/)
    expect(phaseOf(ID)).toBe('Pending')
  })

  test('wants a reason where the rule does, before it sends anything', async () => {
    const approvers = [{ kind: 'User' as const, name: 'oncall' }]
    await open(1, { rules: [aHeldRule({ approvers, requireReason: true })] })
    expect((await run(`approve ${ID}`)).stderr).toMatch(/add --reason TEXT/)
    expect((await run(`approve ${ID} --reason INC-7`)).exitCode).toBe(0)
  })

  test('approves nothing when what it is shown is not what the digest stands for', async () => {
    await open(1)
    store.accessRequests.body = () => Buffer.from('{"kind":"other"}')
    const refused = await run(`approve ${ID}`)
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/not what its digest stands for/),
    ])
    expect(phaseOf(ID)).toBe('Pending')
  })
})

describe('deny, cancel, request wait', () => {
  test.each([
    [`deny ${ID} --reason enough`, 'oncall', 'Denied', 4],
    [`cancel ${ID}`, 'alice', 'Cancelled', 4],
    [`approve ${ID}`, 'oncall', 'Approved', 0],
    ['requests', 'oncall', 'Pending', 3],
  ])('after %s by %s it is %s, and waiting exits %d', async (line, user, phase, exitCode) => {
    await open(1)
    expect((await run(line, user)).exitCode).toBe(0)
    expect(phaseOf(ID)).toBe(phase)
    expect((await run(`request wait ${ID} --timeout 1ms`)).exitCode).toBe(exitCode)
  })

  test('waits until it was answered', async () => {
    const { digest } = await open(1)
    const waiting = run(`request wait ${ID} --timeout 20s`)
    await run(`deny ${ID} --reason no`)
    expect(await waiting).toMatchObject({ exitCode: 4, stdout: expect.stringMatching(/denied/) })
    expect(digest).not.toBe('')
  })
})

describe('grants', () => {
  test('are listed while they are open, and revoked', async () => {
    await open(1)
    await run(`approve ${ID} --scope command`)
    const grant = store.accessRequests.get(ID)?.grantId ?? ''
    const table = (await run('grants')).stdout
    expect(table).toMatch(new RegExp(`^${grant} +Active +command +alice +agent +oncall +0 `, 'm'))
    const revoked = await run(`revoke --grant ${grant} --reason done`)
    expect(revoked).toMatchObject({ exitCode: 0, stdout: `accessgrant ${grant} revoked\n` })
    expect((await run('grants')).stderr).toBe('No live grants found in team namespace.\n')
    expect(store.accessRequests.grant(grant)).toMatchObject({
      ...{ phase: 'Revoked', closing: { by: 'oncall', reason: 'done' } },
    })
  })
})

test('notifications lists what was told, and says when nothing was', async () => {
  expect((await run('notifications')).stderr).toBe('No notifications found in team namespace.\n')
  expect((await run('notifications --dead -A')).stderr).toBe('No dead notifications found.\n')
})

test('completion offers what waits', async () => {
  await open(1)
  const { stdout } = await run('__complete approve ')
  expect(stdout).toContain(`${ID}\n`)
})

test('the API lists page by page, in the order of the ids', async () => {
  const opened: AccessRequest[] = []
  for (let number = 1; number <= 5; number += 1) opened.push(await open(number))
  const path = '/apis/access.lanyard.dev/v1alpha1/accessrequests'
  const seen: string[] = []
  let token = ''
  do {
    const { json } = await api.get(`${path}?limit=2&continue=${token}`, 'oncall')
    const list = json as {
      items: { metadata: { name: string } }[]
      metadata: { continue?: string }
    }
    seen.push(...list.items.map(({ metadata }) => metadata.name))
    token = list.metadata.continue ?? ''
  } while (token !== '')
  expect(seen).toEqual(opened.map(({ id }) => id))
})

test('a watch tells of a request from its beginning to its end, and of a grant until it is revoked', async () => {
  const root = '/apis/access.lanyard.dev/v1alpha1'
  const requests = await api.watch(`${root}/namespaces/team/accessrequests?watch=true`, 'oncall')
  const grants = await api.watch(`${root}/accessgrants?watch=true`, 'oncall')
  await open(1)
  await run(`approve ${ID}`)
  const grant = store.accessRequests.get(ID)?.grantId ?? ''
  await run(`revoke --grant ${grant} --reason done`)
  const lines = await requests.take(2)
  expect(lines.map(({ type, object }) => [type, object.status.phase])).toEqual([
    ['ADDED', 'Pending'],
    ['MODIFIED', 'Approved'],
  ])
  expect((await grants.take(2)).map(({ type }) => type)).toEqual(['ADDED', 'DELETED'])
  requests.close()
  grants.close()
})
