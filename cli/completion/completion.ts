import type { Command, Option } from 'commander'

/** A word that may stand where the cursor is. */
interface Candidate {
  readonly word: string
  readonly what: string
}

/** What a completion may ask besides the program itself. */
export interface CompletionDeps {
  /** Names of the pods that the words before lead to; empty when they cannot be had. */
  listPods(): Promise<readonly string[]>
  /** Ids of the requests that wait for an approval there; empty when they cannot be had. */
  listRequests(): Promise<readonly string[]>
}

/** Tells the shell not to offer files; from the protocol of cobra, which kubectl speaks. */
const NO_FILES = ':4'

/**
 * What may stand in the place of the last of `words`, one a line with what it is, as kubectl wants
 * it of `kubectl_complete-lanyard`. It knows what the program knows of itself.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  deps: CompletionDeps,
): Promise<string> {
  const current = words.at(-1) ?? ''
  const candidates = await candidatesFor(program, words.slice(0, -1), current, deps)
  return [
    ...candidates
      .filter(({ word }) => word.startsWith(current))
      .map(({ word, what }) => (what === '' ? `${word}\n` : `${word}\t${what}\n`)),
    `${NO_FILES}\n`,
  ].join('')
}

async function candidatesFor(
  program: Command,
  before: readonly string[],
  current: string,
  deps: CompletionDeps,
): Promise<readonly Candidate[]> {
  const { command, operands, open } = parseWords(program, before)
  if (open !== undefined) return (open.argChoices ?? []).map(plain)
  if (current.startsWith('-')) {
    return optionsOf(program, command)
      .filter(({ hidden }) => !hidden)
      .map(({ long, short, description }) => ({ word: long ?? short ?? '', what: description }))
  }
  if (command === undefined) {
    return program.commands.map((each) => ({ word: each.name(), what: each.description() }))
  }
  if (operands === 0 && nested(command).length > 0) {
    return nested(command).map((each) => ({ word: each.name(), what: each.description() }))
  }
  const [argument] = command.registeredArguments
  if (operands > 0 || argument === undefined) return []
  if (argument.argChoices !== undefined) return argument.argChoices.map(plain)
  if (argument.name() === 'request') return (await deps.listRequests()).map(plain)
  return argument.name() === 'pod' ? (await deps.listPods()).map(plain) : []
}

/** Goes over the words as commander will: which command, how many operands, what wants a value. */
function parseWords(program: Command, before: readonly string[]) {
  let command: Command | undefined
  let operands = 0
  let open: Option | undefined
  for (const word of before) {
    if (open !== undefined) {
      open = undefined
    } else if (word.startsWith('-')) {
      const option = optionsOf(program, command).find(({ long, short }) =>
        [long, short].includes(word),
      )
      open = option?.required === true ? option : undefined
    } else if (command === undefined) {
      command = program.commands.find((each) => each.name() === word)
    } else {
      const inner =
        operands === 0 ? nested(command).find((each) => each.name() === word) : undefined
      command = inner ?? command
      operands += inner === undefined ? 1 : 0
    }
  }
  return { command, operands, open }
}

function optionsOf(program: Command, command: Command | undefined): readonly Option[] {
  // An inner command takes the options of the one around it.
  const outer = command?.parent === program ? [] : (command?.parent?.options ?? [])
  return [...(command?.options ?? []), ...outer, ...program.options]
}

/** The commands inside one, such as `export` of `audit`; help is not offered there. */
function nested(command: Command): readonly Command[] {
  return command.commands.filter((each) => each.name() !== 'help')
}

function plain(word: string): Candidate {
  return { word, what: '' }
}
