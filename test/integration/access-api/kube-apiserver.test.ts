import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccessApiBehind, startAccessApiBehind } from '../../support/access-api-behind.ts'
import type { AccessApiFixture } from '../../support/access-api-fixture.ts'
import { findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { AGENT, aDecision, aDecisionId, anOutcome } from '../../support/record-builders.ts'
import { runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'

const kube = findKube()
const kubectl = findKubectl()

/* With the kube-apiserver of the test cluster, once it is built. */
describe.skipIf(kube === undefined || kubectl === undefined)('behind a real kube-apiserver', () => {
  let behind: AccessApiBehind
  let api: AccessApiFixture
  let folder: string

  beforeAll(async () => {
    const users = { admin: 'system:masters', alice: 'developers', bob: 'others' }
    behind = await startAccessApiBehind({ kube: kube ?? '', kubectl: kubectl ?? '' }, users)
    ;({ api, folder } = behind)
    await recordSamples(api)
  }, 120_000)

  afterAll(() => behind?.close())

  const run = (user: string, command: string) => behind.run(user, command)

  test('the APIService becomes available', async () => {
    const look = () => run('admin', 'get apiservice v1alpha1.access.lanyard.dev')
    await expect.poll(look, { timeout: 60_000 }).toContain('True')
  }, 90_000)

  test('alice, whom RBAC lets read namespace team, reads it and no other', async () => {
    expect(await run('alice', 'get chains -n team')).toMatch(/^third +alice +3 /m)
    expect(await run('alice', 'get chains -n other')).toContain(
      'chains.access.lanyard.dev is forbidden: User "alice" cannot list resource "chains" in API group "access.lanyard.dev" in the namespace "other"',
    )
    const [user] = behind.asked.findLast(([{ username }]) => username === 'alice') ?? []
    expect(user?.groups).toEqual(['developers', 'system:authenticated'])
    expect(Object.keys(user?.extra ?? {})).toContain('authentication.kubernetes.io/credential-id')
  })

  test('bob, whom nothing lets read, is refused', async () => {
    expect(await run('bob', 'get auditevents -n team')).toContain('(Forbidden)')
  })

  test.each([
    ['explain auditevents.status', 'What became of the request.'],
    ['api-resources --api-group=access.lanyard.dev', 'auditevents'],
    ['get auditevents -A --chunk-size=3', aDecisionId(8).toLowerCase()],
    ['get chain third -n team -o yaml', 'rootRequester:'],
    ['get --raw /openapi/v2', 'dev.lanyard.access.v1alpha1.ChainSpec'],
    ['delete chain agent -n team', 'does not allow this method'],
  ])('kubectl %s says %j', async (command, says) => {
    await expect.poll(() => run('admin', command), { timeout: 30_000 }).toContain(says)
  })

  test('a watch streams through the aggregator', async () => {
    const command = 'get auditevents -n team -w --output-watch-events'
    const env = { ...process.env, KUBECONFIG: join(folder, 'alice'), HOME: folder }
    const child = execFile(kubectl ?? '', command.split(' '), { env })
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
    })
    await expect.poll(() => text, { timeout: 20_000 }).toContain(aDecisionId(8).toLowerCase())
    await api.auditEvents.append(aDecision(200))
    const name = aDecisionId(200).toLowerCase()
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`ADDED +${name} .*open`))
    await api.auditEvents.complete(AGENT.podUid, aDecisionId(200), anOutcome(200))
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`MODIFIED +${name} `))
    child.kill()
  })

  test('the CLI works with a client certificate', async () => {
    const env = { KUBECONFIG: join(folder, 'alice') }
    const chain = await runInMemory(['chain', 'third'], { env })
    expect(chain.stdout).toContain('alice (User, root requester)')
    const audit = await runInMemory(['audit', '-A'], { env })
    expect(audit).toMatchObject({ exitCode: 1 })
    expect(audit.stderr).toContain('Ask an administrator for: list auditevents.access.lanyard.dev')
  })

  test.each(['admin', 'bob'])('the CLI tells both versions to %s', async (user) => {
    const answer = await runInMemory(['version'], { env: { KUBECONFIG: join(folder, user) } })
    expect(answer).toEqual({
      exitCode: 0,
      stdout: 'Client Version: 0.1.0\nServer Version: 0.1.0\n',
      stderr: '',
    })
  })

  test('kube-apiserver logs no complaint about the API', async () => {
    const complaints = (await behind.apiServer.log())
      .split('\n')
      .filter((line) => /^[EW]\d{4} /.test(line) && /lanyard|openapi/i.test(line))
    // A client that hangs up is not about the API, nor is a machine that is too busy for a handshake.
    const other = /abort while handling|Post-timeout|TLS handshake timeout/
    expect(complaints.filter((line) => !other.test(line))).toEqual([])
  })
})
