import { splitList, type Word } from './word.ts'

/** How a program that mostly reads is told to write a file. */
interface Writer {
  /** Letters of options whose value is the file, or that write one. */
  readonly short: string
  /** Letters of other options that take a value: what follows them in a word is that value. */
  readonly valued: string
  readonly long: readonly string[]
  /** How many operands are read; one more is the file that is written. */
  readonly operands?: number
}

/** From their manuals. Programs that are there to write (cp, tee, tar) are not among them: a list that has them means it. */
const WRITERS: Readonly<Record<string, Writer>> = {
  sort: { short: 'o', valued: 'kStT', long: splitList('--output') },
  shuf: { short: 'o', valued: 'enr', long: splitList('--output') },
  uniq: { short: '', valued: 'fsw', long: [], operands: 1 },
  xxd: { short: '', valued: 'cglosR', long: [], operands: 1 },
  tree: { short: 'o', valued: 'LPIHT', long: splitList('--output') },
  iconv: { short: 'o', valued: 'ft', long: splitList('--output') },
  // Not -o, which lists or counts with most of its commands.
  git: { short: '', valued: 'CcnSGLU', long: splitList('--output --output-directory') },
  curl: {
    short: 'oOJDc',
    valued: 'AbdeEFHhKmPQrTtuUwxXYyzC',
    long: splitList(
      '--output --output-dir --remote-name --remote-name-all --remote-header-name --dump-header --cookie-jar --trace --trace-ascii --stderr --etag-save --hsts --alt-svc --libcurl',
    ),
  },
  file: { short: 'C', valued: 'eFfmP', long: splitList('--compile') },
  tcpdump: { short: 'w', valued: 'BcCDeEFGijMrsTVWyzZ', long: [] },
  openssl: { short: '', valued: '', long: splitList('-out -keyout -writerand -CAserial') },
  gpg: { short: 'o', valued: 'urR', long: splitList('--output') },
  yq: { short: 'is', valued: 'opIP', long: splitList('--inplace --split-exp') },
  pg_dump: { short: 'f', valued: 'abcCdEFhjnNOpStTUwWxZ', long: splitList('--file') },
  journalctl: { short: '', valued: 'nuptgoSUcbDM', long: splitList('--cursor-file') },
  kubectl: { short: '', valued: '', long: splitList('--profile-output') },
}

/** The option or operand by which a program writes a file; undefined when none of its words does. */
export function findWrittenFile(program: string, [, ...rest]: readonly Word[]): string | undefined {
  const writer = Object.hasOwn(WRITERS, program) ? WRITERS[program] : undefined
  if (writer === undefined) return undefined
  let operands = 0
  let areOptions = true
  for (let at = 0; at < rest.length; at += 1) {
    const text = rest[at]?.text ?? ''
    if (areOptions && text === '--') {
      areOptions = false
    } else if (!areOptions || !/^-./.test(text)) {
      operands += 1
      if (writer.operands !== undefined && operands > writer.operands) return text
    } else {
      const option = optionKind(writer, text)
      if (option === 'writes') return text
      if (option === 'takes the next word') at += 1
    }
  }
  return undefined
}

function optionKind(writer: Writer, text: string): 'writes' | 'takes the next word' | 'other' {
  const [name = ''] = text.split('=')
  // getopt takes every beginning of a long option.
  if (writer.long.some((long) => long === name || (/^--./.test(name) && long.startsWith(name)))) {
    return 'writes'
  }
  if (text.startsWith('--')) return 'other'
  for (const [index, letter] of [...text.slice(1)].entries()) {
    if (writer.short.includes(letter)) return 'writes'
    if (writer.valued.includes(letter)) {
      return index + 2 === text.length ? 'takes the next word' : 'other'
    }
  }
  return 'other'
}
