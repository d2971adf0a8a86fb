import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildGoTool } from '../../programs/build-go-tool.ts'
import { buildPython } from '../../programs/build-python.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import { type BreakableProxy, startBreakableProxy } from '../../support/breakable-proxy.ts'
import { anOutcome } from '../../support/record-builders.ts'
import { runInMemory } from '../../support/run-cli.ts'
import { recordSamples } from '../../support/sample-records.ts'
import { variousRecords } from '../../support/various-records.ts'

/* The forms of an export, judged by programs that are not ours: Kubernetes' own decoder, and OCSF's schema. */

const CHECK_OCSF = resolve(import.meta.dirname, '../../programs/python/check_ocsf.py')
const BUILD_MS = 600_000

let api: AccessApiFixture
let proxy: BreakableProxy
let auditCheck: string
let python: string

beforeAll(async () => {
  const log = (line: string) => process.stderr.write(`${line}\n`)
  auditCheck = await buildGoTool('audit-check', log)
  python = await buildPython('ocsf', log)
  api = await startAccessApi()
  proxy = await startBreakableProxy(api)
  await recordSamples(api)
  for (const record of variousRecords()) await api.auditEvents.append(record)
  for (const { id, caller } of variousRecords().slice(0, 3)) {
    await api.auditEvents.complete(
      caller.podUid,
      id,
      anOutcome(30, { httpStatus: 101, withheld: true }),
    )
  }
}, BUILD_MS)

afterAll(async () => {
  await proxy.close()
  await api.close()
})

interface Verdict {
  readonly said: string
  readonly exitCode: number
}

function judge(command: readonly string[], lines: string, env = {}): Promise<Verdict> {
  const [program = '', ...args] = command
  return new Promise((done) => {
    const child = execFile(program, args, { env: { ...process.env, ...env } }, (error, out, err) =>
      done({ said: out + err, exitCode: error === null ? 0 : 1 }),
    )
    child.stdin?.end(lines)
  })
}

const judgeKubernetes = (lines: string) => judge([auditCheck], lines)
const judgeOcsf = (lines: string) =>
  judge(['/usr/bin/python3', CHECK_OCSF], lines, { PYTHONPATH: python })

async function exported(format: string): Promise<string> {
  const command = ['audit', 'export', '-A', '--format', format, '--server', proxy.url]
  return (await runInMemory(command, { env: { HOME: '/nonexistent' } })).stdout
}

test('audit export --format audit.k8s.io writes events that Kubernetes decodes strictly', async () => {
  const lines = await exported('audit.k8s.io')
  expect(await judgeKubernetes(lines)).toEqual({ said: '15 events, 0 wrong\n', exitCode: 0 })
})

test('audit export --format ocsf writes events that the schema of OCSF takes', async () => {
  const lines = await exported('ocsf')
  expect(await judgeOcsf(lines)).toEqual({ said: '15 events, 0 wrong\n', exitCode: 0 })
})

test('the judges refuse what is wrong, so that they can fail', async () => {
  const kubernetes = (await exported('audit.k8s.io')).replaceAll('"verb"', '"action"')
  expect(await judgeKubernetes(kubernetes)).toMatchObject({
    said: expect.stringContaining('unknown field "action"'),
    exitCode: 1,
  })
  const ocsf = (await exported('ocsf')).replaceAll('"severity_id"', '"severity_number"')
  expect(await judgeOcsf(ocsf)).toMatchObject({
    said: expect.stringContaining('severity_number'),
    exitCode: 1,
  })
})
