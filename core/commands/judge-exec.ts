import type { ExecAttributes } from '../kubernetes/exec-attributes.ts'
import { type CommandNode, plainNode, unclearNode } from './command-node.ts'
import { type CommandRules, judgeCommand, judgeTypedLine } from './judge-command.ts'
import { CommandReading } from './read-command.ts'
import type { ScriptReader } from './script.ts'
import { parseTypedLine, patternWords, readerOf, type TypedLine } from './typed-line.ts'
import { exactWord } from './word.ts'

/** Command rules of a policy, with what reads the scripts in the commands that they judge. */
export interface ReadyCommandRules extends CommandRules {
  readonly readScript: ScriptReader
}

/** What an exec or attach runs. */
export function parseExec(
  exec: ExecAttributes,
  subresource: string,
  readScript: ScriptReader,
): CommandNode {
  if (exec.commandShortened !== undefined || exec.envShortened !== undefined)
    return unclearNode([], 'of a long command only the beginning is kept for judging it again')
  if (subresource === 'exec')
    return new CommandReading(readScript).read(exec.command, exec.env, exec.stdin, exec.tty)
  const node = plainNode([exactWord('attach')])
  if (!exec.stdin) return { ...node, kind: 'through', words: [] }
  return { ...node, classes: [{ name: 'shell', because: 'the program that runs may be a shell' }] }
}

/** The first of some rules that does not let a command run, and why; undefined where all do. */
export function firstRefusal<Rule extends { readonly commands: CommandRules }>(
  node: CommandNode,
  rules: readonly Rule[],
): { readonly rule: Rule; readonly because: string } | undefined {
  for (const rule of rules) {
    const because = judgeCommand(node, rule.commands)
    if (because !== undefined) return { rule, because }
  }
  return undefined
}

/** What must not be typed into a session that runs this, as words; nothing where nothing obeys what is typed. */
export function deniedLines(
  node: CommandNode,
  rules: readonly { readonly commands: CommandRules }[],
): readonly (readonly string[])[] {
  if (readerOf(node) === undefined) return []
  return rules.flatMap(({ commands }) => commands.deny).map(patternWords)
}

/** The first of some rules that does not let a line be typed into an open session, and why; undefined where all do. */
export function firstLineRefusal<Rule extends { readonly commands: ReadyCommandRules }>(
  typed: TypedLine,
  opened: { readonly exec: ExecAttributes; readonly subresource: string },
  rules: readonly Rule[],
): { readonly rule: Rule; readonly because: string } | undefined {
  const [first] = rules
  if (first === undefined) return undefined
  const { readScript } = first.commands
  const session = parseExec(opened.exec, opened.subresource, readScript)
  const node = parseTypedLine(typed, session, readScript)
  for (const rule of rules) {
    const because = judgeTypedLine(node, rule.commands)
    if (because !== undefined) return { rule, because }
  }
  return undefined
}
