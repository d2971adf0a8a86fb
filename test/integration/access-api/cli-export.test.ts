import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import { type BreakableProxy, refuses, startBreakableProxy } from '../../support/breakable-proxy.ts'
import { aDecision, aDecisionId, aRefusal, NOON_MS } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

/** More than two answers of 500. A refusal is every hundredth. */
const COUNT = 1_300

let api: AccessApiFixture
let proxy: BreakableProxy
let folder: string
let file: string

beforeAll(async () => {
  api = await startAccessApi()
  for (let number = 1; number <= COUNT; number += 1) {
    await api.auditEvents.append(number % 100 === 0 ? aRefusal(number) : aDecision(number))
  }
})
beforeEach(async () => {
  proxy = await startBreakableProxy(api)
  folder = await mkdtemp(join(tmpdir(), 'lanyard-export-'))
  file = join(folder, 'audit.jsonl')
})
afterEach(async () => {
  await proxy.close()
  await rm(folder, { recursive: true, force: true })
})
afterAll(() => api.close())

function run(...args: readonly string[]): Promise<CliRun> {
  const command = ['audit', 'export', '-n', 'team', '--server', proxy.url, ...args]
  return runInMemory(command, { env: { HOME: folder }, nowMs: NOON_MS + (COUNT + 1) * 1_000 })
}

function namesIn(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { metadata: { name: string } }).metadata.name)
}

function namesOf(first: number, last: number): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, index) =>
    aDecisionId(first + index).toLowerCase(),
  )
}

const timeOf = (number: number) => new Date(NOON_MS + number * 1_000).toISOString()

describe('runExport()', () => {
  test('writes every decision once, a line each', async () => {
    const answer = await run()
    expect(answer.exitCode).toBe(0)
    expect(namesIn(answer.stdout)).toEqual(namesOf(1, COUNT))
    expect(answer.stderr).toBe('Exported 1,300 decisions.\n')
  })

  test.each([
    [['--since', timeOf(700)], 700, COUNT],
    [['--until', timeOf(600)], 1, 599],
    [['--since', timeOf(10), '--until', timeOf(1_210)], 10, 1_209],
    [['--since', '100s'], 1_201, COUNT],
    [['--until', '100s'], 1, 1_200],
    [['--after', aDecisionId(650)], 651, COUNT],
    [['--after', aDecisionId(650), '--until', timeOf(660)], 651, 659],
  ])('of %j', async (args, first, last) => {
    expect(namesIn((await run(...args)).stdout)).toEqual(namesOf(first, last))
  })

  test('takes the filters of audit', async () => {
    const answer = await run('--effect', 'deny', '--since', timeOf(1_000))
    expect(namesIn(answer.stdout)).toEqual(
      [1_000, 1_100, 1_200, 1_300].map((number) => aDecisionId(number).toLowerCase()),
    )
  })

  test('of nothing writes nothing, and says where it looked', async () => {
    const answer = await run('--until', '2020-01-01')
    expect(answer).toMatchObject({ exitCode: 0, stdout: '' })
    expect(answer.stderr).toBe(
      'Exported 0 decisions of pods in namespace team (-A exports those of every namespace).\n',
    )
  })

  test('asks again for a page that does not come, and loses none', async () => {
    proxy.replies.push('pass', refuses(503), refuses(429))
    const answer = await run()
    expect(answer.exitCode).toBe(0)
    expect(namesIn(answer.stdout)).toEqual(namesOf(1, COUNT))
    expect(answer.stderr).toMatch(/Trying again in 1 s\.\n[\s\S]*Trying again in 2 s\./)
  })

  test('does not wait for an API that is away from the first', async () => {
    proxy.replies.push(refuses(503))
    const answer = await run()
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toContain("Lanyard's API does not answer")
  })

  test('says how to continue after a page that was refused', async () => {
    proxy.replies.push('pass', refuses(403, 'no longer'))
    const answer = await run()
    expect(answer.exitCode).toBe(1)
    expect(namesIn(answer.stdout)).toEqual(namesOf(1, 500))
    const last = aDecisionId(500).toLowerCase()
    expect(answer.stderr).toContain(`the same command with --after ${last} continues there`)
    const rest = await run('--after', last)
    expect(namesIn(rest.stdout)).toEqual(namesOf(501, COUNT))
  })

  test.each([
    [['--resume'], /--resume needs --output-file/],
    [['--resume', '--output-file', 'x', '--after', aDecisionId(1)], /leave out --after/],
    [['--after', '01m83xj97'], /is no whole id/],
    [['--since', 'yesterday'], /is no point in time/],
    [['--format', 'csv'], /Allowed choices are lanyard, audit.k8s.io, ocsf/],
    [['-o', 'yaml'], /writes JSON lines/],
  ])('refuses %j as wrong usage', async (args, want) => {
    const answer = await run(...args)
    expect(answer).toMatchObject({ exitCode: 2, stdout: '' })
    expect(answer.stderr).toMatch(want)
  })

  test.each([
    [['--since', '1h', '--until', '2h'], /since is not before until/],
    [['--after', aDecisionId(9_999)], /No decision .* is on record here/],
  ])('refuses %j', async (args, want) => {
    const answer = await run(...args)
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toMatch(want)
  })
})

describe('runExport() to a file', () => {
  test('continues where it was stopped, whatever was left of the last line', async () => {
    await run('--output-file', file, '--until', timeOf(1_000))
    const whole = await readFile(file, 'utf8')
    await truncate(file, whole.length - 100)
    const answer = await run('--output-file', file, '--resume')
    expect(answer.exitCode).toBe(0)
    expect(answer.stderr).toMatch(/^Cut an incomplete last line of \d+ bytes off /)
    expect(namesIn(await readFile(file, 'utf8'))).toEqual(namesOf(1, COUNT))
  })

  test('continues with nothing when there is no more', async () => {
    await run('--output-file', file)
    const answer = await run('--output-file', file, '--resume')
    expect(answer.stderr).toContain('Exported 0 decisions to ')
    expect(namesIn(await readFile(file, 'utf8'))).toEqual(namesOf(1, COUNT))
  })

  test('keeps whole pages when the API fails for good, and continues after them', async () => {
    proxy.replies.push('pass', refuses(403, 'no longer'))
    const answer = await run('--output-file', file)
    expect(answer.exitCode).toBe(1)
    expect(answer.stderr).toContain('the same command with --resume continues there')
    expect(namesIn(await readFile(file, 'utf8'))).toEqual(namesOf(1, 500))
    await run('--output-file', file, '--resume')
    expect(namesIn(await readFile(file, 'utf8'))).toEqual(namesOf(1, COUNT))
  })

  test('changes no file that is none of its own', async () => {
    await writeFile(file, 'precious\n')
    const answer = await run('--output-file', file, '--resume')
    expect(answer).toMatchObject({ exitCode: 1 })
    expect(await readFile(file, 'utf8')).toBe('precious\n')
  })
})

describe('runExport() after a decision that was removed', () => {
  // Last in the file: it takes the oldest decisions away.
  beforeAll(async () => {
    const all = { decidedBeforeMs: NOON_MS + 10_500, limit: 10_000 }
    await api.auditEvents.removeOldest({ ...all, reason: 'age', nowMs: NOON_MS + COUNT * 1_000 })
  })

  test('says that it is gone, and from where the export can go on', async () => {
    const answer = await run('--after', aDecisionId(3))
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toMatch(/was removed, with all decisions up to /)
    expect(answer.stderr).toMatch(/The same command without --after continues with the oldest/)
    const rest = await run()
    expect(namesIn(rest.stdout)).toEqual(namesOf(11, COUNT))
  })

  test('changes nothing of a file that it cannot continue, and says so', async () => {
    const line = `${JSON.stringify({ kind: 'AuditEvent', metadata: { uid: aDecisionId(3) } })}\n`
    await writeFile(file, line)
    const answer = await run('--resume', '--output-file', file)
    expect(answer.exitCode).toBe(1)
    expect(answer.stderr).toMatch(/without --resume or --after, into another file, continues/)
    expect(await readFile(file, 'utf8')).toBe(line)
  })

  test.each([10, 11])('knows what is gone by the decision: %i', async (number) => {
    const answer = await run('--after', aDecisionId(number))
    expect(answer.exitCode).toBe(number === 10 ? 1 : 0)
  })
})
