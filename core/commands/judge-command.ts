import type { CommandClass, CommandNode } from './command-node.ts'
import {
  type CommandPattern,
  describePattern,
  patternAllows,
  patternDenies,
} from './command-pattern.ts'
import { INERT_PROGRAMS } from './inert-programs.ts'
import {
  exactWord,
  installedProgram,
  programName,
  quoteWords,
  splitList,
  type Word,
} from './word.ts'

/** Which commands a rule lets run. */
export interface CommandRules {
  /** Absent: all but the denied ones. Present: only these. */
  readonly allow?: readonly CommandPattern[]
  readonly deny: readonly CommandPattern[]
}

/** Why a command may not run, in words that say what to do instead; undefined where it may. */
export function judgeCommand(node: CommandNode, rules: CommandRules): string | undefined {
  return findDenied(node, rules.deny, rules.allow ?? []) ?? findNotAllowed(node, rules.allow)
}

/** Why a typed line may not be sent: the deny list alone has a say, since whoever may have a shell may type in it. */
export function judgeTypedLine(node: CommandNode, { deny }: CommandRules): string | undefined {
  return deny.length === 0 ? undefined : findDenied(node, deny, [])
}

function findDenied(
  node: CommandNode,
  deny: readonly CommandPattern[],
  allow: readonly CommandPattern[],
): string | undefined {
  const what = quoteWords(node.words)
  for (const pattern of deny) {
    const because = deniedBy(node, pattern)
    if (because !== undefined) return `the command ${what} ${because}; run another command`
  }
  if (node.problem !== undefined && !isNamed(node, allow)) {
    return `the command ${what} counts as denied, because ${node.problem}; run the program itself, its words written out`
  }
  for (const inner of node.inner) {
    const found = findDenied(inner, deny, allow)
    if (found !== undefined) return found
  }
  return undefined
}

/** How a pattern of a deny list hits one command, without what is inside. */
function deniedBy(node: CommandNode, pattern: CommandPattern): string | undefined {
  const shown = describePattern(pattern)
  if (pattern.className !== undefined) {
    const found = node.classes.find(({ name }) => name === pattern.className)
    return found === undefined ? undefined : `is denied (${shown}): ${found.because}`
  }
  if (patternDenies(pattern, node.words)) return `is denied by the pattern ${shown}`
  const [program] = pattern.tokens
  if (program?.kind !== 'literal') return undefined
  const name = programName(program.text)
  if (node.code.some((code) => namesProgram(code, name)))
    return `has code that names ${name}, which the pattern ${shown} denies`
  if (handsOver(node, pattern, name)) return `is given ${name}, which the pattern ${shown} denies`
  return undefined
}

function namesProgram(code: string, name: string): boolean {
  return new RegExp(`(?<![\\w.-])${escapeRegExp(name)}(?![\\w-])`, 'i').test(code)
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/**
 * Whether a program that is not known to run no other is given a denied command, or any program that can copy or
 * link is given the denied program's file.
 */
function handsOver(node: CommandNode, pattern: CommandPattern, name: string): boolean {
  const [first, ...rest] = node.words
  if (first === undefined || node.kind !== 'plain') return false
  const program = programName(first.text)
  const isFile = ({ text }: Word) =>
    text.split(/[=,:]/).some((part) => {
      const isPath = part.includes('/') && installedProgram(part) !== undefined
      return isPath && programName(part) === name
    })
  if (!LOOKS_AT_FILES.has(program) && rest.some(isFile)) return true
  if (INERT_PROGRAMS.has(program)) return false
  const line = new RegExp(`(?:^|[;|&!=\`(/])\\s*(${escapeRegExp(name)}\\s.*)`, 'is')
  return rest.some(({ text }, index) => {
    if (programName(text) === name && patternDenies(pattern, rest.slice(index))) return true
    // `nix-shell --run 'rm x'`: a word that is a command line.
    const [, command] = line.exec(text) ?? []
    return command !== undefined && patternDenies(pattern, splitList(command).map(exactWord))
  })
}

const LOOKS_AT_FILES = new Set(
  'ls stat test [ file which type md5sum sha256sum sha1sum readlink realpath dirname basename echo printf whereis rpm dpkg apk du strings ldd'.split(
    ' ',
  ),
)

function findNotAllowed(
  node: CommandNode,
  allow: readonly CommandPattern[] | undefined,
): string | undefined {
  if (allow === undefined || isNamed(node, allow)) return undefined
  const what = quoteWords(node.words)
  const unnamed = node.classes.find(({ name }) => !namesClass(allow, name))
  if (unnamed !== undefined)
    return `the command ${what} is of the class ${unnamed.name}, which the list of allowed commands does not name: ${unnamed.because}; run a command that is allowed`
  if (mustBeListed(node) && !allow.some((each) => patternAllows(each, node.words, node.namedBy)))
    return `the command ${what} is not in the list of allowed commands; run one that is`
  for (const inner of node.inner) {
    const found = findNotAllowed(inner, allow)
    if (found !== undefined) return found
  }
  return undefined
}

function namesClass(allow: readonly CommandPattern[], name: CommandClass): boolean {
  return allow.some(({ className }) => className === name)
}

const NAMED_BY_CLASS: readonly CommandClass[] = ['shell', 'interpreter', 'image']

/** Whether a command itself must be allowed, besides what is inside. */
function mustBeListed({ words, kind, inner, classes }: CommandNode): boolean {
  if (words.length === 0) return false
  // Their class was named, or they would have been refused.
  if (classes.some(({ name }) => NAMED_BY_CLASS.includes(name))) return false
  return kind !== 'through' || inner.length === 0
}

/**
 * Whether an allow list has a command so that whoever wrote the list knew what it runs: code and scripts by the
 * words that bring them, and what cannot be read, or runs other commands, by every word.
 */
function isNamed(node: CommandNode, allow: readonly CommandPattern[]): boolean {
  const { words, classes, inner, problem, variables } = node
  if (words.length === 0 || variables) return false
  const unsettled = classes.some(({ name }) => name === 'environment' || name === 'write')
  // What is typed into it can be anything.
  const isTyped = classes.some(({ name }) => name === 'shell')
  const whole = problem !== undefined || inner.length > 0 || isTyped
  if (unsettled || (!whole && classes.length === 0)) return false
  return allow.some(
    (pattern) =>
      patternAllows(pattern, words, node.namedBy) &&
      (!whole || pattern.tokens.every(({ kind }) => kind === 'literal')),
  )
}
