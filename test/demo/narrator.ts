import { styleText } from 'node:util'

/** Prints the story: what is done, what Kubernetes answers, why. */
export interface Narrator {
  chapter(title: string): void
  /** A command as a person would type it, before it runs. */
  command(text: string): void
  /** What came back, and what it means. Of a long answer the beginning, or the end, is shown. */
  answer(answer: { readonly text: string; readonly why: string; readonly shows?: 'end' }): void
  /** A file in full. */
  file(name: string, text: string): void
  note(text: string): void
}

const ANSWER_LINES_MAX = 24

/** Writes to standard output; colours only on a terminal, as NO_COLOR and TERM ask. */
export function createNarrator(write: (text: string) => void): Narrator {
  const indented = (lines: readonly string[]) => {
    for (const line of lines) write(`  ${line}\n`)
  }
  return {
    chapter: (title) => write(`\n${styleText('bold', title)}\n${'─'.repeat(title.length)}\n`),
    command: (text) => write(`\n${styleText('cyan', `$ ${text}`)}\n`),
    answer({ text, why, shows }) {
      indented(shorten(text.trimEnd().split('\n'), shows))
      write(`${styleText('dim', `  → ${why}`)}\n`)
    },
    file(name, text) {
      write(`\n${styleText('cyan', name)}\n`)
      indented(text.trimEnd().split('\n'))
    },
    note: (text) => write(`${text}\n`),
  }
}

function shorten(lines: readonly string[], shows: 'end' | undefined): readonly string[] {
  if (lines.length <= ANSWER_LINES_MAX) return lines
  const left = lines.length - ANSWER_LINES_MAX
  if (shows === undefined) return [...lines.slice(0, ANSWER_LINES_MAX), `… ${left} more lines`]
  // The first line of a table says what its columns are.
  return [lines[0] ?? '', `… ${left} lines before`, ...lines.slice(left + 1)]
}
