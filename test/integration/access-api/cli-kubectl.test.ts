import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMPLETION_SCRIPTS } from '../../../cli/completion/completion-scripts.ts'
import { buildPlugin } from '../../../deploy/plugin/build-plugin.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import {
  type AggregatingCluster,
  startAggregatingCluster,
} from '../../support/aggregating-cluster.ts'
import { findKubectl } from '../../support/find-kubernetes.ts'
import { runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'

const kubectl = findKubectl() ?? ''

/* Beside a real kubectl: as its plugin, in its completion, and through its proxy. */
describe.skipIf(kubectl === '')('kubectl lanyard', () => {
  let api: AccessApiFixture
  let cluster: AggregatingCluster
  let folder: string
  let env: Record<string, string>
  let proxy: ChildProcess | undefined

  beforeAll(async () => {
    api = await startAccessApi()
    cluster = await startAggregatingCluster(api)
    await recordSamples(api)
    folder = await mkdtemp(join(tmpdir(), 'lanyard-plugin-'))
    await buildPlugin(join(folder, 'kubectl-lanyard'))
    const completion = join(folder, 'kubectl_complete-lanyard')
    await writeFile(completion, COMPLETION_SCRIPTS.kubectl)
    await chmod(completion, 0o755)
    await writeFile(join(folder, 'config'), cluster.kubeconfig('alice'))
    env = {
      PATH: `${folder}:${dirname(kubectl)}:${process.env['PATH']}`,
      KUBECONFIG: join(folder, 'config'),
      HOME: folder,
    }
  })

  afterAll(async () => {
    proxy?.kill()
    await cluster.close()
    await api.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function run(...args: readonly string[]): Promise<string> {
    return (await promisify(execFile)(kubectl, [...args], { env })).stdout
  }

  test('runs as a plugin', async () => {
    expect(await run('lanyard', 'chain', 'pod/third', '-o=name')).toBe(
      'chain.access.lanyard.dev/third\n',
    )
  })

  test('is completed by kubectl', async () => {
    expect(await run('__complete', 'lanyard', 'chain', '-n', 'team', 'b')).toBe('build-x7k2\n:4\n')
    expect(await run('__complete', 'lanyard', 'exp')).toContain('explain\tExplain one decision')
  })

  test('works through kubectl proxy', async () => {
    proxy = spawn(kubectl, ['proxy', '--port=0'], { env })
    let text = ''
    proxy.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/127\.0\.0\.1:\d+/)
    const server = `http://${/127\.0\.0\.1:\d+/.exec(text)?.[0]}`
    const args = ['chain', 'agent', '-n', 'team', '--server', server]
    const answer = await runInMemory(args, { env: { HOME: join(folder, 'nothing') } })
    expect(answer).toMatchObject({ exitCode: 0, stderr: '' })
    expect(answer.stdout).toContain('alice (User, root requester)')
  })
})
