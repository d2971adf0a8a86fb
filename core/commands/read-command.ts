import { parseBuiltin } from './builtins.ts'
import { type CommandNode, type CommandPlace, plainNode, unclearNode } from './command-node.ts'
import { effectOfVariable } from './environment.ts'
import { parseFind } from './find-command.ts'
import { isHarmlessCode, isInterpreter, parseInterpreterCall } from './interpreters.ts'
import type { ScriptCommand, ScriptReader } from './script.ts'
import { parseShellCall, shellKind } from './shells.ts'
import { takeOptions } from './take-options.ts'
import { exactWord, isUnsettledPath, programName, UNKNOWN_WORDS, type Word } from './word.ts'
import { WRAPPERS, type Wrapper } from './wrappers.ts'
import { findWrittenFile } from './written-file.ts'

/** Commands inside commands: more than anybody writes. */
const DEPTH_MAX = 16
/** Commands of one request, words of one command, and letters of all its scripts. */
const COMMANDS_MAX = 2_000
const WORDS_MAX = 4_096
const SCRIPTS_LENGTH_MAX = 16_384

/** What is known while one command line is read. */
export class CommandReading {
  readonly #readScript: ScriptReader
  #commands = 0
  #scriptsLength = 0

  constructor(readScript: ScriptReader) {
    this.#readScript = readScript
  }

  /** The commands that a request runs: its words, its environment, and whether it has an input and a terminal. */
  read(
    command: readonly string[],
    env: readonly string[],
    stdin: boolean,
    tty = false,
  ): CommandNode {
    const names = env.map((line) => line.split('=')[0] ?? '')
    const node = this.readWords(command.map(exactWord), names, stdin, tty)
    // Shells of long ago run what follows a function in any variable (CVE-2014-6271).
    const code = env.find((line) => /^[^=]*=\s*\(\s*\)/.test(line))
    if (code === undefined) return node
    return { ...node, variables: true, problem: 'an old shell runs the value of a variable' }
  }

  /** The same of words of which not all are known, under variables of these names. */
  readWords(
    words: readonly Word[],
    variables: readonly string[],
    stdin: boolean,
    tty: boolean,
  ): CommandNode {
    const typed = tty ? 'terminal' : 'inherited'
    const input = stdin ? typed : 'none'
    return withVariables(this.words(words, { depth: 0, input }), variables)
  }

  /** Words that are one command. */
  words(words: readonly Word[], place: CommandPlace): CommandNode {
    this.#commands += 1
    if (place.depth > DEPTH_MAX || this.#commands > COMMANDS_MAX)
      return unclearNode(words, 'there are too many commands in each other')
    if (words.length > WORDS_MAX) return unclearNode(words.slice(0, 8), 'it has too many words')
    const [first] = words
    if (first === undefined) return unclearNode(words, 'there is no command')
    if (!first.exact) return unclearNode(words, 'the name of the program is computed when it runs')
    const strange = strangeName(first.text)
    if (strange !== undefined) return unclearNode(words, strange)
    if (words.some(({ text }) => /\[[^\]]*(?:\$\(|`)/.test(text)))
      return unclearNode(words, 'a shell may run what stands in the index of a variable')
    const program = programName(first.text)
    const kind = shellKind(program)
    if (kind !== undefined) return this.#shell(kind, words, place)
    const builtin = parseBuiltin(program, words)
    if (typeof builtin === 'string') return unclearNode(words, builtin)
    if (builtin !== undefined) return this.#inside(words, 'through', [builtin], place)
    if (program === 'find') return parseFind(words, place, (inner, at) => this.words(inner, at))
    const wrapper = wrapperNamed(program)
    if (wrapper !== undefined) return this.#wrapped(wrapper, words, place)
    return interpreted(program, words, place)
  }

  /** Every command of a script. */
  script(script: Word, words: readonly Word[], place: CommandPlace): readonly CommandNode[] {
    if (!script.exact) return [unclearNode(words, 'the script is computed when it runs')]
    this.#scriptsLength += script.text.length
    if (this.#scriptsLength > SCRIPTS_LENGTH_MAX)
      return [unclearNode(words, 'its scripts are too long to be read')]
    const commands = this.#readScript(script.text)
    if (typeof commands === 'string') {
      return [{ ...unclearNode([script], commands), code: [script.text] }]
    }
    const inner = { ...place, depth: place.depth + 1 }
    return commands.map((command) => this.#ofScript(command, inner))
  }

  #ofScript(command: ScriptCommand, place: CommandPlace): CommandNode {
    const { words, assigned, writes, input } = command
    const own = input === 'inherited' ? place.input : input
    const node = words.length === 0 ? plainNode(words) : this.words(words, { ...place, input: own })
    return withVariables(withWrites(node, writes), assigned)
  }

  #inside(
    words: readonly Word[],
    kind: CommandNode['kind'],
    scripts: readonly Word[],
    place: CommandPlace,
  ): CommandNode {
    const inner = scripts.flatMap((script) => this.script(script, words, place))
    return { ...plainNode(words), kind, inner, namedBy: words.length }
  }

  #shell(kind: 'read' | 'unread', words: readonly Word[], place: CommandPlace): CommandNode {
    const call = parseShellCall(words)
    if (call.problem !== undefined) return unclearNode(words, call.problem)
    // Their options are not those of POSIX: `pwsh -Command`.
    if (kind === 'unread' && words.slice(1).some(({ text }) => !/^(?:-[il]+|--login)$/.test(text)))
      return unclearNode(words, 'scripts of this shell are not read')
    if (call.script !== undefined) return this.#inside(words, 'through', [call.script], place)
    if (call.file !== undefined) return ofFile(words, call.file, call.at)
    if (typeof place.input === 'object')
      return this.#inside(words, 'through', [exactWord(place.input.text)], place)
    if (place.input === 'unknown') return unclearNode(words, 'a shell runs what comes to its input')
    const because = 'an interactive shell runs what is typed'
    return { ...plainNode(words), classes: [{ name: 'shell', because }], namedBy: words.length }
  }

  #wrapped(wrapper: Wrapper, words: readonly Word[], place: CommandPlace): CommandNode {
    const taken = takeOptions(wrapper, words)
    if (typeof taken === 'string') return unclearNode(words, taken)
    const kind = wrapper.elsewhere ? 'elsewhere' : 'through'
    const scripts = taken.scripts.flatMap((script) => this.script(script, words, place))
    const rest = words.slice(taken.at)
    const base = { ...plainNode(words), kind, namedBy: taken.at, inner: scripts } as const
    if (wrapper.scripts.length > 0 && scripts.length > 0 && rest.length === 0)
      return withVariables(base, taken.assigned)
    if (rest.length === 0) return withVariables(withoutCommand(wrapper, words), taken.assigned)
    const appended = wrapper.appends ? [...replaceIn(rest, taken.replaced), UNKNOWN_WORDS] : rest
    const deeper = { ...place, depth: place.depth + 1 }
    const input = wrapper.appends ? { ...deeper, input: 'unknown' as const } : deeper
    const inner = wrapper.joins
      ? this.script(joined(appended), words, input)
      : [this.words(appended, input)]
    return withVariables({ ...base, inner: [...scripts, ...inner] }, taken.assigned)
  }
}

function wrapperNamed(program: string): Wrapper | undefined {
  const name = /^ld(?:-linux.*|-musl.*|-[\d.]+)?\.so/.test(program)
    ? 'ld.so'
    : program.replace(/^busybox.*/, 'busybox')
  return WRAPPERS.find(({ names }) => names.includes(name))
}

/** Of wrappers that without a command are a shell, or do something of their own. */
function withoutCommand({ names, elsewhere }: Wrapper, words: readonly Word[]): CommandNode {
  const shows = ['env', 'xargs', 'command', 'exec', 'time', 'nice', 'busybox', 'setarch']
  if (names.some((name) => shows.includes(name))) return plainNode(words)
  const because = 'without a command it starts a shell, or what its input says'
  const classes = elsewhere ? [{ name: 'shell' as const, because }] : []
  return { ...plainNode(words), classes, namedBy: words.length }
}

function replaceIn(words: readonly Word[], replaced: readonly string[]): readonly Word[] {
  return words.map((word) =>
    replaced.some((text) => text !== '' && word.text.includes(text))
      ? { ...word, exact: false }
      : word,
  )
}

function joined(words: readonly Word[]): Word {
  const known = words.filter((word) => word !== UNKNOWN_WORDS)
  return {
    text: known.map(({ text }) => text).join(' '),
    exact: known.every(({ exact }) => exact),
    many: false,
  }
}

function strangeName(text: string): string | undefined {
  if (text === '') return 'the name of the program is empty'
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]/u.test(text))
    return 'the name of the program has unprintable characters'
  if (/\p{L}/u.test(text) && /[^\p{ASCII}]/u.test(text))
    return 'the name of the program is not ASCII'
  if (isUnsettledPath(text)) return 'anybody may have written the program, or it stands for another'
  if (text.startsWith('~')) return 'the folder of the program is not known'
  return undefined
}

function ofFile(words: readonly Word[], file: Word, at: number): CommandNode {
  if (!file.exact) return unclearNode(words, 'which script it runs is computed')
  if (isUnsettledPath(file.text))
    return unclearNode(words, 'anybody may have written the script that it runs')
  const because = 'it runs a script'
  const code = words.map(({ text }) => text)
  return { ...plainNode(words), classes: [{ name: 'interpreter', because }], namedBy: at, code }
}

function interpreted(program: string, words: readonly Word[], place: CommandPlace): CommandNode {
  const texts = words.map(({ text }) => text)
  const call = parseInterpreterCall(program, texts)
  const known = place.input
  if (call === undefined || isHarmlessCode(program, texts)) return ofPlain(program, words, place)
  const code = typeof known === 'object' ? [...texts.slice(1), known.text] : texts.slice(1)
  if (known === 'unknown' && (call.readsInput || OBEYS_INPUT.has(program)))
    return { ...unclearNode(words, 'it runs what comes to its input'), code }
  const file = words[call.at]
  if (file?.exact === true && isUnsettledPath(file.text) && !call.onlyWith)
    return { ...unclearNode(words, 'anybody may have written the file that it runs'), code }
  const name = call.readsInput ? 'shell' : 'interpreter'
  const because = call.readsInput
    ? 'it runs what it reads'
    : 'it can run anything by code of its own'
  return { ...plainNode(words), classes: [{ name, because }], namedBy: call.at, code }
}

/** Programs that obey what they read, whatever else is said to them. */
const OBEYS_INPUT = new Set(
  'at batch crontab ed red ex vi vim view bc dc gdb lldb sqlite3 psql mysql mariadb mongo mongosh redis-cli ftp sftp lftp telnet gnuplot less more most man top htop mc emacs nano socat parallel'.split(
    ' ',
  ),
)

/** Programs that show more than a screen by a pager. */
const PAGED = new Set(
  'apt aws bat batcat busctl delta dmesg dpkg gh git journalctl loginctl systemctl timedatectl'.split(
    ' ',
  ),
)

function isWithoutPager({ text, exact }: Word): boolean {
  return exact && /^--(?:no-(?:cli-)?pager|paging=never)$/.test(text)
}

/** A program that runs nothing by its words; with an input it may still obey what is typed. */
function ofPlain(program: string, words: readonly Word[], place: CommandPlace): CommandNode {
  const node = plainNode(words)
  if (OBEYS_INPUT.has(program) && place.input !== 'none') {
    const because = 'it obeys what is typed'
    return { ...node, classes: [{ name: 'shell', because }], namedBy: words.length }
  }
  if (PAGED.has(program) && place.input === 'terminal' && !words.some(isWithoutPager)) {
    const because =
      'in a terminal its pager starts a shell for whoever asks; leave the terminal out, or add --no-pager where it has that'
    return { ...node, classes: [{ name: 'shell', because }], namedBy: words.length }
  }
  if (program === 'tee' && words.some(({ text }) => RUNS_LATER.test(text)))
    return unclearNode(words, 'the file that it writes may run later')
  const written = findWrittenFile(program, words)
  if (written !== undefined) {
    const because = `it writes a file by ${written}`
    return { ...node, classes: [{ name: 'write', because }] }
  }
  if (!isInterpreter(program) || words.every(({ exact }) => exact)) return node
  const because = 'with words that are computed it may run anything'
  return { ...node, classes: [{ name: 'interpreter', because }], namedBy: words.length }
}

/** A command under variables of these names. */
export function withVariables(node: CommandNode, names: readonly string[]): CommandNode {
  const decides = names.find((name) => effectOfVariable(name) === 'decides')
  if (decides !== undefined) {
    const problem = `the variable ${decides} changes what runs`
    return { ...node, variables: true, problem: node.problem ?? problem }
  }
  const unknown = names.find((name) => effectOfVariable(name) === 'unknown')
  // A variable of the shell alone: programs do not see it.
  if (unknown === undefined || node.words.length === 0) return node
  const because = `the variable ${unknown} may change what the program does`
  return { ...node, classes: [...node.classes, { name: 'environment', because }] }
}

/** Files that a shell, the loader, cron or the kernel may run or obey later. */
const RUNS_LATER = /\/s?bin\/|\/etc\/|rc$|profile|\.ssh\/|\/proc\/|\/cron/

function withWrites(node: CommandNode, writes: readonly Word[]): CommandNode {
  const harmless = /^(?:\/dev\/(?:null|stdout|stderr)|\/(?:var\/)?tmp\/[\w.-]+|&?[\d-]+)$/
  const file = writes.find(({ text, exact }) => !exact || !harmless.test(text))
  if (file === undefined) return node
  if (RUNS_LATER.test(file.text))
    return { ...node, problem: node.problem ?? 'the file that it writes may run later' }
  const because = `it writes the file ${file.text}`
  return { ...node, classes: [...node.classes, { name: 'write', because }] }
}
