import type { CommandClass } from './command-node.ts'
import { type CommandPattern, describePattern, type Token } from './command-pattern.ts'
import { type CommandRules, judgeCommand } from './judge-command.ts'
import { CommandReading } from './read-command.ts'
import { NO_SCRIPTS, type ScriptReader } from './script.ts'

const PATTERNS_MAX = 256
const TOKENS_MAX = 256
const EXAMPLES_MAX = 64
const CLASSES: readonly string[] = [
  'shell',
  'interpreter',
  'environment',
  'write',
  'image',
] satisfies CommandClass[]

/** Where problems of a policy are put, each beginning with the path of its field. */
interface Check {
  readonly problems: string[]
  readonly readScript: ScriptReader
}

/**
 * Checks `commands` of a rule, with the examples of each pattern. Problems are added to `problems`, each
 * beginning with its path. Without a reader of scripts nothing can be judged, and that is a problem too; under
 * `NO_SCRIPTS` examples are not checked.
 */
export function parseCommandRules(
  value: unknown,
  path: string,
  problems: string[],
  readScript: ScriptReader | undefined,
): CommandRules {
  const rules = asRecord(value)
  if (readScript === undefined) {
    problems.push(`${path}: the parsers of command lines are not loaded yet`)
    return { deny: [] }
  }
  const check = { problems, readScript }
  for (const key of Object.keys(rules ?? {})) {
    if (key !== 'allow' && key !== 'deny') problems.push(`${path}.${key}: is not a known field`)
  }
  if (rules?.['allow'] === undefined && rules?.['deny'] === undefined)
    problems.push(`${path}: must have an allow or a deny list`)
  const listOf = (key: 'allow' | 'deny') => parseList(rules?.[key], key, `${path}.${key}`, check)
  const allow = rules?.['allow'] === undefined ? {} : { allow: listOf('allow') }
  return { ...allow, deny: rules?.['deny'] === undefined ? [] : listOf('deny') }
}

function parseList(
  value: unknown,
  list: 'allow' | 'deny',
  path: string,
  check: Check,
): readonly CommandPattern[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > PATTERNS_MAX) {
    check.problems.push(`${path}: must be a list with 1 to ${PATTERNS_MAX} entries`)
    return []
  }
  return value.map((entry: unknown, index) => parseEntry(entry, list, `${path}[${index}]`, check))
}

function parseEntry(
  entry: unknown,
  list: 'allow' | 'deny',
  path: string,
  check: Check,
): CommandPattern {
  if (Array.isArray(entry)) return parseTokens(entry, path, check.problems)
  const { pattern, class: className, examples, ...others } = asRecord(entry) ?? {}
  for (const key of Object.keys(others)) check.problems.push(`${path}.${key}: is not a known field`)
  if ((pattern === undefined) === (className === undefined)) {
    check.problems.push(`${path}: must be a list of words, or have either a pattern or a class`)
    return { tokens: [] }
  }
  const parsed =
    className === undefined
      ? parseTokens(pattern, `${path}.pattern`, check.problems)
      : parseClass(className, `${path}.class`, check.problems)
  if (examples !== undefined && check.readScript !== NO_SCRIPTS)
    checkExamples(examples, parsed, list, `${path}.examples`, check)
  return parsed
}

function parseClass(value: unknown, path: string, problems: string[]): CommandPattern {
  if (!CLASSES.includes(value as string))
    problems.push(`${path}: must be one of ${CLASSES.join(', ')}`)
  return { tokens: [], className: value as CommandClass }
}

function parseTokens(value: unknown, path: string, problems: string[]): CommandPattern {
  const words = asWords(value)
  if (words === undefined || words.length === 0 || words.length > TOKENS_MAX) {
    problems.push(
      `${path}: must be a list of 1 to ${TOKENS_MAX} texts, one for each word of the command`,
    )
    return { tokens: [] }
  }
  const tokens = words.map((word, index) => parseToken(word, `${path}[${index}]`, problems))
  const rest = tokens.findIndex(({ kind }) => kind === 'rest')
  if (rest !== -1 && rest !== tokens.length - 1)
    problems.push(`${path}[${rest}]: "**" stands for the rest, so nothing may follow it`)
  const [program] = words
  if (program === '' || (program !== undefined && /\s/.test(program)))
    problems.push(`${path}[0]: must be the name of a program alone; its words are further texts`)
  return { tokens }
}

function parseToken(word: string, path: string, problems: string[]): Token {
  if (word === '*') return { kind: 'one' }
  if (word === '**') return { kind: 'rest' }
  if (/(?<!\\)\*/.test(word)) {
    problems.push(
      `${path}: ${JSON.stringify(word)} has "*" inside a word, which is no pattern; "*" must stand alone, or be written as "\\*" for itself`,
    )
  }
  return { kind: 'literal', text: word.replaceAll('\\*', '*') }
}

function checkExamples(
  value: unknown,
  pattern: CommandPattern,
  list: 'allow' | 'deny',
  path: string,
  check: Check,
): void {
  const { matches = [], not = [], ...others } = asRecord(value) ?? {}
  for (const key of Object.keys(others)) check.problems.push(`${path}.${key}: is not a known field`)
  const rules = list === 'allow' ? { allow: [pattern], deny: [] } : { deny: [pattern] }
  const sides = [
    { key: 'matches', examples: matches, wanted: true },
    { key: 'not', examples: not, wanted: false },
  ]
  for (const { key, examples, wanted } of sides) {
    if (!Array.isArray(examples) || examples.length > EXAMPLES_MAX) {
      check.problems.push(`${path}.${key}: must be a list of at most ${EXAMPLES_MAX} commands`)
      continue
    }
    for (const [index, example] of examples.entries()) {
      const at = `${path}.${key}[${index}]`
      const words = asWords(example)
      if (words === undefined || words.length === 0) {
        check.problems.push(`${at}: must be a list of texts, one for each word of the command`)
        continue
      }
      const refused = judgeCommand(
        new CommandReading(check.readScript).read(words, [], false),
        rules,
      )
      const isMatch = (refused === undefined) === (list === 'allow')
      if (isMatch === wanted) continue
      const does = wanted ? 'does not match' : 'matches'
      check.problems.push(
        `${at}: the pattern ${describePattern(pattern)} ${does} ${JSON.stringify(words)}`,
      )
    }
  }
}

function asWords(value: unknown): readonly string[] | undefined {
  const isWords = Array.isArray(value) && value.every((item) => typeof item === 'string')
  return isWords ? (value as readonly string[]) : undefined
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}
