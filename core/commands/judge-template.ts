import { type CommandNode, plainNode, unclearNode } from './command-node.ts'
import type { ContainerCommand, PodTemplateBody } from './container-command.ts'
import { judgeCommand } from './judge-command.ts'
import type { ReadyCommandRules } from './judge-exec.ts'
import { CommandReading, withVariables } from './read-command.ts'
import type { ScriptReader } from './script.ts'
import { exactWord, UNKNOWN_WORDS, type Word } from './word.ts'

const OWN_PROGRAM: Word = { text: '(the program of the image)', exact: false, many: false }

/** What one process of a container runs. */
function parseContainerCommand(one: ContainerCommand, readScript: ScriptReader): CommandNode {
  const known = one.command.map((text, index) =>
    one.computed.includes(index) ? { text, exact: false, many: false } : exactWord(text),
  )
  const words = one.open ? [...known, UNKNOWN_WORDS] : known
  if (one.problem !== '') return unclearNode(words, one.problem)
  if (words.length === 0 && !one.ownProgram)
    return withVariables({ ...plainNode([]), kind: 'through' }, one.variables)
  const reading = new CommandReading(readScript)
  if (!one.ownProgram) return reading.readWords(words, one.variables, one.stdin, one.stdin)
  // An image without an entrypoint runs its arguments; one with a shell for it reads them as code.
  const inner = words.length === 0 ? [] : [reading.readWords(words, [], one.stdin, one.stdin)]
  const because =
    'the image says which program runs; write the program and its arguments out in command'
  const node: CommandNode = {
    ...plainNode([OWN_PROGRAM, ...words]),
    ...{ kind: 'through', inner, code: one.command },
    classes: [{ name: 'image', because }],
  }
  return withVariables(node, one.variables)
}

/** What the commands of a body are; the scripts in them are read once, however many principals a chain has. */
const known = new WeakMap<PodTemplateBody, readonly CommandNode[]>()

function nodesOf(template: PodTemplateBody, readScript: ScriptReader): readonly CommandNode[] {
  let nodes = known.get(template)
  if (nodes === undefined) {
    nodes = template.commands.map((one) => parseContainerCommand(one, readScript))
    known.set(template, nodes)
  }
  return nodes
}

/** The first of some rules that does not let the pods of an object run, and why; undefined where all do. */
export function firstTemplateRefusal<Rule extends { readonly commands: ReadyCommandRules }>(
  template: PodTemplateBody,
  rules: readonly Rule[],
): { readonly rule: Rule; readonly because: string } | undefined {
  const [first] = rules
  if (first === undefined) return undefined
  if (template.problem !== '') return { rule: first, because: template.problem }
  for (const [index, node] of nodesOf(template, first.commands.readScript).entries()) {
    const at = template.commands[index]?.at ?? ''
    for (const rule of rules) {
      const because = judgeCommand(node, rule.commands)
      if (because !== undefined) return { rule, because: `${at}: ${because}` }
    }
  }
  return undefined
}
