import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditEventObject } from '../../../api/objects/access-objects.ts'
import { type AccessApiFixture, startAccessApi } from '../../support/access-api-fixture.ts'
import { type BreakableProxy, startBreakableProxy } from '../../support/breakable-proxy.ts'
import { aRequest } from '../../support/policy-builders.ts'
import { aDecision, aDecisionId } from '../../support/record-builders.ts'
import { type CliRun, runInMemory } from '../../support/run-cli.ts'

/* Logs that no single answer of the API can hold. */

/** More than ten answers of 500. */
const COUNT = 5_600
/** All decisions are of one millisecond, and only the last digits of their ids differ. */
const TIME = aDecisionId(1).slice(0, 10)

let api: AccessApiFixture
let proxy: BreakableProxy

beforeAll(async () => {
  api = await startAccessApi()
  proxy = await startBreakableProxy(api)
  for (let number = 1; number <= COUNT; number += 1) {
    await api.auditEvents.append(aDecision(1, { id: idOf(number), attributes: request(number) }))
  }
})

afterAll(async () => {
  await proxy.close()
  await api.close()
})

/** The very first and the very last have beginnings of their own, and the first begins as another. */
function idOf(number: number): string {
  const beginning = { 1: 'A', 2: 'B', [COUNT - 1]: 'B', [COUNT]: 'C' }[number] ?? '0'
  return `${TIME}${beginning}${String(number).padStart(15, '0')}`
}

/** Three commands in pods, far from the end of the log. */
function request(number: number) {
  return number <= 3
    ? aRequest({ verb: 'create', resource: 'pods', subresource: 'exec', name: `p${number}` })
    : aRequest({ resource: 'pods' })
}

function run(command: string): Promise<CliRun> {
  return runInMemory([...command.split(' '), '-n', 'team', '--server', proxy.url], {
    env: { HOME: '/nonexistent' },
  })
}

function itemsOf({ stdout }: CliRun): readonly AuditEventObject[] {
  return (JSON.parse(stdout) as { items: readonly AuditEventObject[] }).items
}

function namesOf(numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => idOf(number).toLowerCase())
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** A machine that is busy takes long enough for progress to be told. */
function withoutProgress(stderr: string): string {
  return stderr.replace(/^Looked at .*\n/gm, '')
}

describe('runAudit() of a long log', () => {
  test.each([
    ['audit -o json', 100],
    ['audit -o json --limit 500', 500],
    ['audit -o json --limit 501', 501],
    ['audit -o json --limit 1200 --resource pods', 1_200],
  ])('%s gives the newest, and says that there may be more', async (command, count) => {
    const answer = await run(command)
    const names = itemsOf(answer).map(({ metadata }) => metadata.name)
    expect(names).toEqual(namesOf(range(COUNT - count + 1, COUNT)))
    expect(withoutProgress(answer.stderr)).toBe(
      `These are the newest ${count} decisions: --limit 0 shows older ones, too.\n`,
    )
  })

  test.each(['audit -o json --limit 0', 'audit -o json --limit 100000'])(
    '%s gives all of it',
    async (command) => {
      const answer = await run(command)
      expect(withoutProgress(answer.stderr)).toBe('')
      const names = itemsOf(answer).map(({ metadata }) => metadata.name)
      expect(names).toEqual(namesOf(range(1, COUNT)))
    },
  )

  test('--limit 0 gives all of it as a table and by name', async () => {
    const table = await run('audit --limit 0')
    expect(table.stdout.trim().split('\n')).toHaveLength(COUNT + 1)
    const names = await run('audit --limit 0 -o name')
    expect(names.stdout.trim().split('\n')).toEqual(
      namesOf(range(1, COUNT)).map((name) => `auditevent.access.lanyard.dev/${name}`),
    )
  })

  test.each([
    ['--limit 100', [1, 2, 3]],
    ['--limit 2', [2, 3]],
    ['--limit 0', [1, 2, 3]],
  ])('finds what the API cannot select wherever it stands: %s', async (limit, numbers) => {
    const answer = await run(`audit -o json --resource pods/exec ${limit}`)
    expect(itemsOf(answer).map(({ metadata }) => metadata.name)).toEqual(namesOf(numbers))
  })
})

describe('findDecision() by a beginning looks at all of its time', () => {
  test.each([
    ['C', COUNT],
    ['A', 1],
  ])('and finds %s', async (digit, number) => {
    const answer = await run(`explain ${TIME}${digit} -o name`)
    expect(answer.stdout).toBe(`auditevent.access.lanyard.dev/${namesOf([number])[0]}\n`)
  })

  test('and calls no id the only one that is not', async () => {
    const answer = await run(`explain ${TIME}B`)
    expect(answer).toMatchObject({ exitCode: 1, stdout: '' })
    expect(answer.stderr).toContain('More than one decision begins with')
  })

  test('and knows that there is none', async () => {
    const answer = await run(`explain ${TIME}D`)
    expect(answer.stderr).toContain('There is no decision')
  })
})
