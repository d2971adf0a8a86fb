const PLAIN_WORD = /^[\w./:=@,{}+%-]+$/

/** A command as one would type it; of an argument with several lines, such as a program, the first. */
export function shellText(argv: readonly string[]): string {
  return argv.map(quoted).join(' ')
}

/** The same, with a line for each flag. */
export function shellLines(argv: readonly string[]): string {
  return argv
    .map((word, index) =>
      index > 0 && word.startsWith('--') ? `\\\n    ${quoted(word)}` : quoted(word),
    )
    .join(' ')
}

function quoted(word: string): string {
  if (PLAIN_WORD.test(word)) return word
  const [first = '', ...others] = word.trim().split('\n')
  return `'${first.replaceAll("'", `'\\''`)}${others.length > 0 ? ' …' : ''}'`
}
