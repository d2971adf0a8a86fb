import type { Node } from 'web-tree-sitter'
import type { ScriptCommand } from '../../core/commands/script.ts'
import type { Word } from '../../core/commands/word.ts'
import { parseShellWord } from './shell-word.ts'

const DEPTH_MAX = 200
/** Nodes of a tree, a few for each word: walking them takes most of the time. */
const NODES_MAX = 2_500

/** Nodes whose children hold commands or nothing; all others make a script one that is not understood. */
const TRANSPARENT = new Set(
  `program list pipeline subshell compound_statement negated_command if_statement elif_clause else_clause
  for_statement c_style_for_statement while_statement do_group case_statement case_item function_definition
  redirected_statement command_substitution process_substitution test_command binary_expression unary_expression
  ternary_expression postfix_expression parenthesized_expression arithmetic_expansion string string_content
  concatenation expansion simple_expansion variable_assignment variable_assignments array subscript word raw_string
  ansi_c_string translated_string number variable_name special_variable_name comment command_name extglob_pattern
  regex test_operator file_redirect heredoc_redirect herestring_redirect heredoc_start heredoc_body heredoc_content
  heredoc_end file_descriptor brace_expression`.split(/\s+/),
)

/** Every simple command below the root of a tree; a text for what is not understood. */
export function parseScriptTree(root: Node): readonly ScriptCommand[] | string {
  if (root.descendantCount > NODES_MAX) return 'the script has too many parts'
  const walk = new TreeWalk()
  walk.visit(root, 'inherited', 0)
  return walk.problem ?? walk.commands
}

/** Most words, which need no visit: looking at a node is what takes time. */
const LEAVES = new Set(['word', 'number', 'raw_string', 'ansi_c_string'])

type Input = ScriptCommand['input']

class TreeWalk {
  readonly commands: ScriptCommand[] = []
  problem: string | undefined

  visit(node: Node, input: Input, depth: number): void {
    if (depth > DEPTH_MAX) this.problem = 'the script has too many parts in each other'
    if (this.problem !== undefined) return
    switch (node.type) {
      case 'command':
        this.#command(node, undefined, input, depth)
        break
      case 'redirected_statement':
        this.#redirected(node, input, depth)
        break
      case 'declaration_command':
      case 'unset_command':
        this.#declaration(node, depth)
        break
      case 'pipeline':
        for (const [index, child] of node.namedChildren.entries())
          this.visit(child, index === 0 ? input : 'unknown', depth + 1)
        break
      default:
        this.#look(node)
        this.#children(node, input, depth)
    }
  }

  #look(node: Node): void {
    const { type, text } = node
    if (type === 'variable_assignment') this.#assign(assignedName(node))
    // A loop, arithmetic and `${NAME:=...}` set variables as well.
    else if (type === 'variable_name' && !READS.has(node.parent?.type ?? '')) this.#assign(text)
    else if (type === 'expansion' && /^\$\{\w+:?=/.test(text)) this.#assign(text.slice(2))
    if (type === 'expansion' && /@[A-Za-z]\s*\}$|^\$\{!/.test(text))
      this.problem = 'a variable is read in a way that may run what it holds'
    if (type === 'heredoc_redirect' && !hasAllSubstitutions(node))
      this.problem = 'a here-document is not understood'
    if (node.isNamed && !TRANSPARENT.has(type))
      this.problem = `a part of the script is not understood (${type})`
  }

  #assign(text: string): void {
    const assigned = [/^\w+/.exec(text)?.[0] ?? '']
    this.commands.push({ words: [], assigned, input: 'inherited', writes: [] })
  }

  #children(node: Node, input: Input, depth: number): void {
    for (const child of node.namedChildren) this.visit(child, input, depth + 1)
  }

  #command(node: Node, around: Node | undefined, input: Input, depth: number): void {
    const words: Word[] = []
    const assigned: string[] = []
    const redirects: Node[] = []
    for (const child of node.namedChildren) {
      if (child.type === 'variable_assignment') {
        assigned.push(assignedName(child))
        this.#children(child, 'inherited', depth + 1)
      } else if (isRedirect(child)) redirects.push(child)
      else if (child.type !== 'comment') {
        words.push(parseShellWord(child.text))
        if (!LEAVES.has(child.type)) this.visit(child, 'inherited', depth + 1)
      }
    }
    if (around !== undefined) redirects.push(...around.namedChildren.filter(isRedirect))
    this.#push({ words, assigned, input, writes: [] }, redirects, depth)
  }

  #push(command: ScriptCommand, redirects: readonly Node[], depth: number): void {
    const words = [...command.words]
    const writes: Word[] = []
    let input = command.input
    for (const redirect of redirects.flatMap(withNested)) {
      const [first, ...more] = redirect
        .childrenForFieldName('destination')
        .filter((one) => one !== null)
      // The grammar takes words after `>x` for more files; a shell, for words of the command.
      words.push(...more.map(({ text }) => parseShellWord(text)))
      if (redirect.type === 'file_redirect') {
        if (/^(?:\d*|\{\w+\})</.test(redirect.text)) input = 'unknown'
        if (/>/.test(redirect.text.slice(0, 12)) && first !== undefined)
          writes.push(parseShellWord(first.text))
      } else input = textOf(redirect)
      if (redirects.includes(redirect)) this.visit(redirect, 'inherited', depth + 1)
    }
    this.commands.push({ ...command, words, input, writes })
  }

  #redirected(node: Node, input: Input, depth: number): void {
    const body = node.childForFieldName('body')
    const redirects = node.namedChildren.filter(isRedirect)
    // What follows a here-document on its line stands inside of it: `cat <<E | sh`.
    const inside = redirects.filter(({ type }) => type === 'heredoc_redirect')
    for (const heredoc of inside) {
      const parts = heredoc.namedChildren.filter(({ type }) => !HEREDOC_PARTS.has(type))
      const piped = parts.find(({ type }) => type === 'pipeline')
      for (const part of parts)
        this.visit(part, part === piped ? 'unknown' : 'inherited', depth + 1)
      if (parts.length > 0 && body === null) this.problem = 'a here-document is not understood'
    }
    if (body?.type === 'command') {
      this.#command(body, node, input, depth)
      return
    }
    const reads = redirects.find(({ text }) => !/^\d*>/.test(text))
    if (body !== null) this.visit(body, reads === undefined ? input : 'unknown', depth + 1)
    this.#push({ words: [], assigned: [], input: 'inherited', writes: [] }, redirects, depth)
  }

  #declaration(node: Node, depth: number): void {
    const parts = node.namedChildren
    const assigned = parts.filter(({ type }) => type === 'variable_assignment').map(assignedName)
    const named = parts.filter(({ type }) => type === 'variable_name').map(({ text }) => text)
    const keyword = parseShellWord(/^\w+/.exec(node.text)?.[0] ?? '')
    const words = [keyword, ...parts.map(({ text }) => parseShellWord(text))]
    this.commands.push({ words, assigned: [...assigned, ...named], input: 'inherited', writes: [] })
    for (const part of parts) this.#children(part, 'inherited', depth + 1)
  }
}

const HEREDOC_PARTS = new Set([
  'heredoc_start',
  'heredoc_body',
  'heredoc_end',
  'heredoc_content',
  'file_redirect',
  'file_descriptor',
])

function isRedirect(node: Node): boolean {
  return node.type.endsWith('_redirect')
}

/** The grammar puts the redirections behind a here-document into it: `cat <<E > FILE`. */
function withNested(redirect: Node): readonly Node[] {
  if (redirect.type !== 'heredoc_redirect') return [redirect]
  return [redirect, ...redirect.namedChildren.filter(({ type }) => type === 'file_redirect')]
}

function assignedName(node: Node): string {
  return /^\w+/.exec(node.text)?.[0] ?? ''
}

/** What a here-document or a here-string gives, where it has no expansions. */
function textOf(redirect: Node): Input {
  if (redirect.type === 'herestring_redirect') {
    const word = parseShellWord(redirect.text.replace(/^\d*<<<\s*/, ''))
    return word.exact ? { text: word.text } : 'unknown'
  }
  const body = redirect.namedChildren.find(({ type }) => type === 'heredoc_body')
  const start = redirect.namedChildren.find(({ type }) => type === 'heredoc_start')?.text ?? ''
  const isQuoted = /['"\\]/.test(start)
  const text = body?.text ?? ''
  if (body === undefined) return { text: '' }
  return isQuoted || !/[$`\\]/.test(text) ? { text } : 'unknown'
}

const READS = new Set(['simple_expansion', 'expansion', 'variable_assignment', 'subscript'])

/** The grammar overlooks some substitutions of here-documents, such as those behind the tabs of `<<-`. */
function hasAllSubstitutions(heredoc: Node): boolean {
  const body = heredoc.namedChildren.find(({ type }) => type === 'heredoc_body')
  const start = heredoc.namedChildren.find(({ type }) => type === 'heredoc_start')?.text ?? ''
  if (body === undefined || /['"\\]/.test(start)) return true
  const written = body.text.match(/\$\(|\$\{|\$\[|`[^`]*`/g)?.length ?? 0
  const kinds = ['command_substitution', 'expansion', 'arithmetic_expansion']
  return body.descendantsOfType(kinds).length >= written
}
