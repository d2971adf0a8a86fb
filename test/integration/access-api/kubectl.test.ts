import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { findKubectl } from '../../support/find-kubernetes.ts'
import { AGENT, aDecision, aDecisionId, anOutcome } from '../../support/record-builders.ts'
import { recordSamples } from '../../support/sample-records.ts'

const kubectl = findKubectl()

/* With the kubectl of the test cluster or of the machine; a first run has neither yet. */
describe.skipIf(kubectl === undefined)('kubectl', () => {
  let api: AccessApiFixture
  let cluster: AggregatingCluster
  let folder: string

  beforeAll(async () => {
    api = await startAccessApi()
    cluster = await startAggregatingCluster(api)
    await recordSamples(api)
    folder = await mkdtemp(join(tmpdir(), 'lanyard-kubectl-'))
    await writeFile(join(folder, 'config'), cluster.kubeconfig('alice'))
  })

  afterAll(async () => {
    await cluster.close()
    await api.close()
    await rm(folder, { recursive: true, force: true })
  })

  function start(args: readonly string[], done: (text: string) => void = () => {}) {
    const env = { ...process.env, KUBECONFIG: join(folder, 'config'), HOME: folder }
    return execFile(kubectl ?? '', [...args], { env }, (_error, stdout, stderr) =>
      done(`${stdout}${stderr}`),
    )
  }

  function run(command: string): Promise<string> {
    return new Promise((resolve) => start(command.split(' '), resolve))
  }

  test.each([
    ['sessions', 'KIND:       Session', 'A session through a tunnel'],
    ['sessions.status', 'ending', 'reviewedBy'],
    ['sessions.spec.imported', 'sha256', 'told'],
  ])('explain %s knows the fields', async (what, ...words) => {
    const text = await run(`explain ${what} --api-version=access.lanyard.dev/v1alpha1`)
    for (const word of words) expect(text).toContain(word)
  })

  test('get chains prints the columns', async () => {
    expect(await run('get chains')).toBe(
      [
        'NAME         ROOT REQUESTER   DEPTH   CHAIN                                    STATUS    AGE   ENDS',
        'agent        alice            1       agent                                    Running   60s   <never>',
        'build-x7k2   alice            2       agent > Job/build > build-x7k2           Running   60s   <never>',
        'third        alice            3       agent > Job/build > build-x7k2 > third   Running   60s   <never>',
        'shared       bob              1       shared                                   Running   60s   <never>',
        '',
      ].join('\n'),
    )
  })

  test.each([
    ['get chains -o wide', 'CO-REQUESTERS'],
    ['get chain far -n other', 'Ended'],
    ['get chain third -o jsonpath={.spec.rootRequester.username}', 'alice'],
    ['get chains -A -o name', 'chain.access.lanyard.dev/far'],
    ['get chains --field-selector spec.rootRequester=bob', 'shared'],
    ['get chains -l app=web', 'No resources found in team namespace.'],
    ['get auditevents -A --chunk-size=2', aDecisionId(8).toLowerCase()],
    ['get auditevents --field-selector spec.effect=Deny --sort-by=.metadata.name', 'secrets'],
    ['describe chain third', 'Root Requester'],
    ['explain chain.spec.actors', 'Service account of the pod.'],
    ['explain auditstores.status', 'Size of the database.'],
    ['get auditstores', 'NAME    SIZE   FREE     OLDEST   BACKUP   PROBLEM'],
    ['explain auditevents.spec.chain', 'For whom the pod acted'],
    ['api-resources --api-group=access.lanyard.dev', 'auditevents'],
    ['get chains nobody', 'chains.access.lanyard.dev "nobody" not found'],
    ['get chains --field-selector spec.depth=1', 'field label not supported: spec.depth'],
    ['delete chain agent', 'the server does not allow this method on the requested resource'],
    [
      `wait --for=jsonpath={.status.phase}=Complete auditevent/${aDecisionId(1).toLowerCase()}`,
      'condition met',
    ],
  ])('%s says %j', async (command, says) => {
    expect(await run(command)).toContain(says)
  })

  test('get -w shows a decision and then its outcome', async () => {
    const command = 'get auditevents -w --output-watch-events --field-selector spec.verb=update'
    const child = start(command.split(' '))
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
    })
    const { attributes } = aDecision(90)
    const decide = (number: number) =>
      api.auditEvents.append(aDecision(number, { attributes: { ...attributes, verb: 'update' } }))
    // kubectl says nothing when its watch begins, so decisions come until one is seen.
    let number = 10
    const see = async () => {
      number += 1
      await decide(number)
      return text
    }
    await expect.poll(see, { timeout: 20_000, interval: 500 }).toContain('ADDED')
    await decide(100)
    const name = aDecisionId(100).toLowerCase()
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(new RegExp(`ADDED +${name} .*open`))
    await api.auditEvents.complete(AGENT.podUid, aDecisionId(100), anOutcome(100))
    await expect
      .poll(() => text, { timeout: 20_000 })
      .toMatch(new RegExp(`MODIFIED +${name} .*200`))
    child.kill()
  })
})
