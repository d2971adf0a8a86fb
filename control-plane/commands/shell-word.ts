import type { Word } from '../../core/commands/word.ts'

/** One word of a script as the program gets it, as far as that is known: quotes are taken away as bash does. */
export function parseShellWord(source: string): Word {
  const word = new WordReading(source)
  return word.read()
}

const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?' },
}

class WordReading {
  readonly #source: string
  #at = 0
  #text = ''
  #exact = true
  #many = false

  constructor(source: string) {
    this.#source = source
  }

  read(): Word {
    while (this.#at < this.#source.length) this.#next()
    return { text: this.#text, exact: this.#exact, many: this.#many }
  }

  #next(): void {
    const rest = this.#source.slice(this.#at, this.#at + 2)
    const first = rest.charAt(0)
    if (first === '\\') this.#escape()
    else if (first === "'") this.#single(this.#at + 1)
    else if (rest === "$'") this.#ansi()
    else if (first === '"' || rest === '$"') this.#double(this.#at + (first === '"' ? 1 : 2))
    else if (first === '$' || first === '`' || /^[<>]\(/.test(rest)) this.#unknownRest()
    else this.#plain(first, rest)
  }

  #plain(first: string, rest: string): void {
    const isGlob = '*?['.includes(first) && !/^\[+$/.test(this.#source)
    const isBrace = first === '{' && /^\{[^\s]*(?:,|\.\.)/.test(this.#source.slice(this.#at))
    if (isGlob || isBrace || /^[@!+]\(/.test(rest)) {
      this.#exact = false
      this.#many = true
    }
    if (first === '~' && (this.#at === 0 || this.#source[this.#at - 1] === '=')) this.#exact = false
    this.#text += first
    this.#at += 1
  }

  #escape(): void {
    const next = this.#source.charAt(this.#at + 1)
    if (next !== '\n') this.#text += next
    this.#at += 2
  }

  #single(from: number): void {
    const end = this.#source.indexOf("'", from)
    const known = end === -1 ? this.#source.length : end
    this.#text += this.#source.slice(from, known)
    this.#exact &&= end !== -1
    this.#at = known + 1
  }

  /** An expansion: where it ends is the parsers' matter, and nothing after it makes the word known. */
  #unknownRest(): void {
    this.#text += this.#source.slice(this.#at)
    this.#exact = false
    this.#many = true
    this.#at = this.#source.length
  }

  #double(from: number): void {
    let at = from
    while (at < this.#source.length && this.#source[at] !== '"') {
      const character = this.#source.charAt(at)
      if (character === '$' || character === '`') {
        const isWhole =
          /^"[^"$`]*\$\{?[\w#?!*-]+\}?[^"$`]*"$/.test(this.#source) && !/[@*]/.test(this.#source)
        this.#at = at
        this.#unknownRest()
        this.#many = !isWhole
        return
      }
      if (character === '\\' && /["\\$`\n]/.test(this.#source.charAt(at + 1))) {
        at += 1
        if (this.#source[at] !== '\n') this.#text += this.#source.charAt(at)
      } else this.#text += character
      at += 1
    }
    this.#at = at + 1
  }

  #ansi(): void {
    let at = this.#at + 2
    while (at < this.#source.length && this.#source[at] !== "'") {
      if (this.#source[at] !== '\\') {
        this.#text += this.#source.charAt(at)
        at += 1
        continue
      }
      const found = /^\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3})|(.))/s.exec(
        this.#source.slice(at),
      )
      const [whole = '\\', hex, unicode, octal, letter] = found ?? []
      const code = Number.parseInt(hex ?? unicode ?? octal ?? '', octal === undefined ? 16 : 8)
      const character =
        letter === undefined ? String.fromCharCode(code & 0xffff) : ANSI_ESCAPES[letter]
      if (character === undefined || code === 0 || code > 0x7f) {
        this.#unknownRest()
        return
      }
      this.#text += character
      at += whole.length
    }
    this.#at = at + 1
  }
}
