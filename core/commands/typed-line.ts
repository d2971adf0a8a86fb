import { type CommandNode, plainNode } from './command-node.ts'
import { type CommandPattern, describePattern } from './command-pattern.ts'
import { CommandReading } from './read-command.ts'
import type { ScriptReader } from './script.ts'
import { shellKind } from './shells.ts'
import { exactWord, programName } from './word.ts'

/** A line that was typed into a session, and is judged before it is sent. */
export interface TypedLine {
  readonly line: string
  /** The lines before it that it continues; empty for a line that begins a command. */
  readonly after: string
}

/** What reads what is typed into a session that runs this: a shell, another program that obeys it, or nothing. */
export function readerOf(node: CommandNode): 'shell' | 'console' | undefined {
  if (node.classes.some(({ name }) => name === 'shell')) {
    const [first] = node.words
    const isConsole = first !== undefined && first.text !== 'attach'
    return isConsole && shellKind(programName(first.text)) === undefined ? 'console' : 'shell'
  }
  const readers = node.inner.map(readerOf)
  return readers.find((one) => one === 'shell') ?? readers.find((one) => one !== undefined)
}

/**
 * The commands that a typed line runs, as far as they can be known. A line is read by itself, and with the lines that it
 * continues. What is no whole script (the begin of a loop, the language of another program) is code, in which a
 * denied program may be named. `opened` is what the session runs.
 */
export function parseTypedLine(
  { line, after }: TypedLine,
  opened: CommandNode,
  readScript: ScriptReader,
): CommandNode {
  // An escaped newline is none, not even within a word.
  const whole = `${after}\n${line}`.replaceAll('\\\n', '')
  const texts = after === '' ? [line] : [whole, line]
  const inner = texts.flatMap((text) => parseText(text, readScript))
  const known = readerOf(opened) === 'console' ? inner.map(withoutProblems) : inner
  return { ...plainNode([]), kind: 'through', inner: known }
}

function parseText(text: string, readScript: ScriptReader): readonly CommandNode[] {
  const script = exactWord(text)
  const read = readScript(text)
  if (typeof read === 'string') return [{ ...plainNode([script]), code: [text] }]
  const place = { depth: 0, input: 'inherited' } as const
  // Two parsers read it: not a second time.
  const reader: ScriptReader = (inner) => (inner === text ? read : readScript(inner))
  return new CommandReading(reader).script(script, [script], place)
}

/** In the language of another program, what a shell could not tell means nothing. */
function withoutProblems(node: CommandNode): CommandNode {
  const { problem: _, ...rest } = node
  const code = node.words.map(({ text }) => text)
  return { ...rest, code: [...node.code, ...code], inner: node.inner.map(withoutProblems) }
}

/** Whether the command that a text begins goes on in the next line: a quote is open, or the last newline is escaped. */
export function goesOn(text: string): boolean {
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? ''
    if (quote === "'") quote = letter === "'" ? '' : quote
    else if (letter === '\\') {
      if (at === text.length - 1) return true
      at += 1
    } else if (quote === '"') quote = letter === '"' ? '' : quote
    else if (letter === '"' || letter === "'") quote = letter
    else if (letter === '#' && /^[\s;&|()]?$/.test(text[at - 1] ?? '')) {
      const end = text.indexOf('\n', at)
      if (end === -1) return false
      at = end
    }
  }
  return quote !== ''
}

/** A pattern as words, for records and for people. */
export function patternWords(pattern: CommandPattern): readonly string[] {
  if (pattern.className !== undefined) return [`{${describePattern(pattern)}}`]
  return JSON.parse(describePattern(pattern)) as readonly string[]
}
