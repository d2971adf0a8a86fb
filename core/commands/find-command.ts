import { type CommandNode, type CommandPlace, plainNode, unclearNode } from './command-node.ts'
import { exactWord, UNKNOWN_WORDS, type Word } from './word.ts'

const RUNS = ['-exec', '-execdir', '-ok', '-okdir']
const WRITES = ['-fprint', '-fprint0', '-fprintf', '-fls']

/** What find runs for the files that it finds; `-delete` counts as rm. */
export function parseFind(
  words: readonly Word[],
  place: CommandPlace,
  readWords: (words: readonly Word[], place: CommandPlace) => CommandNode,
): CommandNode {
  if (words.some(({ many, exact, text }) => many || (!exact && /^[-$`]/.test(text))))
    return unclearNode(words, 'some of its words are not written out, and could run something')
  const inner: CommandNode[] = []
  const deeper = { depth: place.depth + 1, input: 'unknown' as const }
  for (const [index, { text }] of words.entries()) {
    if (text === '-delete') inner.push(plainNode([exactWord('rm'), exactWord('-f'), UNKNOWN_WORDS]))
    if (!RUNS.includes(text)) continue
    const rest = words.slice(index + 1)
    const end = rest.findIndex((word) => word.text === ';' || word.text === '+')
    const command = end === -1 ? rest : rest.slice(0, end)
    inner.push(readWords(command.map(foundName), deeper))
  }
  const writes = words.some(({ text }) => WRITES.includes(text))
  const because = 'it writes a file'
  if (writes && words.some(({ text }) => /\/s?bin\/|^\/etc\//.test(text)))
    return unclearNode(words, 'the file that it writes may run later')
  return {
    ...plainNode(words),
    kind: inner.length === 0 ? 'plain' : 'elsewhere',
    inner,
    classes: writes ? [{ name: 'write', because }] : [],
  }
}

function foundName(word: Word): Word {
  return word.text.includes('{}') ? { ...word, exact: false } : word
}
