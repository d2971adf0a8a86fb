import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CommandRules, judgeCommand } from '../../core/commands/judge-command.ts'
import { parseCommandRules } from '../../core/commands/parse-command-rules.ts'
import { CommandReading } from '../../core/commands/read-command.ts'
import type { ScriptReader } from '../../core/commands/script.ts'
import { loadShellParsers } from './shell-parsers.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A text is a script for `sh -c`, a list the words of a command. */
type Attempt =
  | string
  | readonly string[]
  | { readonly command: readonly string[]; readonly env?: string[]; readonly stdin?: boolean }

interface Corpus {
  readonly deny: unknown
  readonly allow: unknown
  /** Programs that a list can allow with any words, and that run others by some of them. */
  readonly programs: readonly string[]
  /** By category; each runs rm, or something that could. */
  readonly attempts: Readonly<Record<string, readonly Attempt[]>>
  readonly benign: readonly Attempt[]
}

const corpus = JSON.parse(readFileSync(join(ROOT, 'test/corpus/commands.json'), 'utf8')) as Corpus

let read: ScriptReader
let deny: CommandRules
let allow: CommandRules
let programs: CommandRules

beforeAll(async () => {
  read = await loadShellParsers()
  const problems: string[] = []
  deny = parseCommandRules({ deny: corpus.deny }, 'commands', problems, read)
  allow = parseCommandRules({ allow: corpus.allow }, 'commands', problems, read)
  const withAnyWords = corpus.programs.map((program) => [program, '**'])
  programs = parseCommandRules({ allow: withAnyWords }, 'commands', problems, read)
  expect(problems).toEqual([])
})

function passes(attempt: Attempt, rules: CommandRules): boolean {
  const words = typeof attempt === 'string' ? ['sh', '-c', attempt] : attempt
  const whole = 'command' in words ? words : { command: words as readonly string[] }
  const { command, env = [], stdin = false } = whole
  return judgeCommand(new CommandReading(read).read(command, env, stdin), rules) === undefined
}

const escapes = (attempts: readonly Attempt[], rules: CommandRules) =>
  attempts.filter((attempt) => passes(attempt, rules))

// Thousands of scripts are read, by two parsers.
describe('judgeCommand() of test/corpus/commands.json', { timeout: 180_000 }, () => {
  test('has at least 300 attempts, each once in its category', () => {
    const all = Object.values(corpus.attempts).flat()
    expect(all.length).toBeGreaterThanOrEqual(300)
    for (const attempts of Object.values(corpus.attempts))
      expect(new Set(attempts.map((one) => JSON.stringify(one))).size).toBe(attempts.length)
  })

  test.each(Object.entries(corpus.attempts))('%s: nothing escapes an allow list', (_, attempts) => {
    expect(escapes(attempts, allow)).toEqual([])
  })

  test('no program that may run with any words runs another by them', () => {
    expect(escapes(corpus.attempts['hatches'] ?? [], programs)).toEqual([])
  })

  test('what escapes a deny list stands in docs/commands.md, by category', () => {
    const rows = Object.entries(corpus.attempts).map(
      ([category, attempts]) =>
        `| ${category} | ${attempts.length} | ${escapes(attempts, deny).length} | 0 |`,
    )
    const all = Object.values(corpus.attempts).flat()
    const sum = `| all | ${all.length} | ${escapes(all, deny).length} | 0 |`
    const docs = readFileSync(join(ROOT, 'docs/commands.md'), 'utf8')
    expect(docs).toContain([...rows, sum].join('\n'))
  })

  test('what is benign passes both lists', () => {
    expect(corpus.benign.filter((attempt) => !passes(attempt, deny))).toEqual([])
    expect(corpus.benign.filter((attempt) => !passes(attempt, allow))).toEqual([])
  })
})
