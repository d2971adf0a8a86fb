import type { Word } from './word.ts'
import type { Wrapper } from './wrappers.ts'

/** What stands before the command that a wrapper runs. */
export interface TakenOptions {
  /** CommandPlace of the first word after options, operands and assignments. */
  readonly at: number
  readonly assigned: readonly string[]
  /** Scripts that options bring. */
  readonly scripts: readonly Word[]
  /** Texts that xargs replaces in the command. */
  readonly replaced: readonly string[]
}

const ASSIGNMENT = /^([A-Za-z_][\w.]*)\+?=/

/** Reads the options of a wrapper; a text says why they cannot be told. */
export function takeOptions(wrapper: Wrapper, words: readonly Word[]): TakenOptions | string {
  const assigned: string[] = []
  const scripts: Word[] = []
  const replaced: string[] = []
  let at = 1
  for (let word = words[at]; word !== undefined; word = words[at]) {
    if (!word.exact) break
    if (word.text === '--') {
      at += 1
      break
    }
    if (!/^[-+]./.test(word.text)) {
      const name =
        word.text === '-' ? undefined : wrapper.assigns && ASSIGNMENT.exec(word.text)?.[1]
      if (typeof name !== 'string' && word.text !== '-') break
      if (typeof name === 'string') assigned.push(name)
      at += 1
      continue
    }
    const option = parseOption(wrapper, word.text)
    if (typeof option === 'string') return option
    const value = option.value ?? (option.wantsValue ? words[at + 1]?.text : undefined)
    const valueWord = option.value === undefined ? words[at + 1] : { ...word, text: option.value }
    if (option.wantsValue && valueWord === undefined)
      return `the value of ${option.name} is missing`
    if (wrapper.scripts.includes(option.name) && valueWord !== undefined) scripts.push(valueWord)
    if (wrapper.appends && /^(?:-I|-i|--replace)$/.test(option.name)) replaced.push(value || '{}')
    at += option.value === undefined && option.wantsValue ? 2 : 1
  }
  if (words.slice(at, at + wrapper.operands).some(({ many }) => many))
    return 'its words are not written out'
  at += wrapper.operands
  const later = words[at]
  // `su root -c SCRIPT`: what brings a script is taken after the operands as well.
  if (wrapper.scripts.length > 0 && later?.exact === true && /^-./.test(later.text)) {
    const more = takeOptions({ ...wrapper, operands: 0 }, words.slice(at - 1))
    if (typeof more === 'string') return more
    scripts.push(...more.scripts)
    assigned.push(...more.assigned)
    at += more.at - 1
  }
  if (wrapper.operands > 0 && words[at]?.text === '--') at += 1
  while (wrapper.assigns) {
    const name = words[at]?.exact === true ? ASSIGNMENT.exec(words[at]?.text ?? '')?.[1] : undefined
    if (name === undefined) break
    assigned.push(name)
    at += 1
  }
  return { at, assigned, scripts, replaced }
}

interface Option {
  readonly name: string
  readonly value?: string | undefined
  readonly wantsValue: boolean
}

function parseOption(wrapper: Wrapper, text: string): Option | string {
  const unknown = `its option ${text} is not known`
  if (wrapper.unclear.some((option) => text === option || text.startsWith(`${option}=`)))
    return `what it runs with ${text} cannot be told`
  if (text.startsWith('--')) {
    const [name = '', ...rest] = text.split('=')
    const value = text.includes('=') ? rest.join('=') : undefined
    const all = [...wrapper.longValued, ...wrapper.longFlags]
    const found = all.includes(name) ? [name] : all.filter((long) => long.startsWith(name))
    const [full] = found
    if (full === undefined || found.length > 1) return unknown
    return { name: full, value, wantsValue: wrapper.longValued.includes(full) }
  }
  return parseShortOptions(wrapper, text, unknown)
}

function parseShortOptions(wrapper: Wrapper, text: string, unknown: string): Option | string {
  if (text.startsWith('+')) return unknown
  for (const [index, letter] of [...text.slice(1)].entries()) {
    if (wrapper.unclear.includes(`-${letter}`)) return `what it runs with -${letter} cannot be told`
    if (wrapper.valued.includes(letter)) {
      const value = text.slice(index + 2)
      // The value of -i, as xargs has it, is optional and stands in the same word.
      return { name: `-${letter}`, value: value === '' ? undefined : value, wantsValue: true }
    }
    if (wrapper.appends && letter === 'i')
      return { name: '-i', value: text.slice(index + 2), wantsValue: false }
    if (!wrapper.flags.includes(letter)) return unknown
  }
  return { name: text, wantsValue: false }
}
