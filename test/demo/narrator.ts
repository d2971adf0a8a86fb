import { styleText } from 'node:util'

/** Prints the story: what is done, what Kubernetes answers, why. */
export interface Narrator {
  chapter(title: string): void
  /** A command as a person would type it, what came back, and what it means. */
  step(step: { readonly command: string; readonly answer: string; readonly why: string }): void
  note(text: string): void
}

const ANSWER_LINES_MAX = 24

/** Writes to standard output; colours only on a terminal, as NO_COLOR and TERM ask. */
export function createNarrator(write: (text: string) => void): Narrator {
  return {
    chapter: (title) => write(`\n${styleText('bold', title)}\n${'─'.repeat(title.length)}\n`),
    step({ command, answer, why }) {
      write(`\n${styleText('cyan', `$ ${command}`)}\n`)
      for (const line of shorten(answer)) write(`  ${line}\n`)
      write(`${styleText('dim', `  → ${why}`)}\n`)
    },
    note: (text) => write(`${text}\n`),
  }
}

function shorten(answer: string): readonly string[] {
  const lines = answer.trimEnd().split('\n')
  if (lines.length <= ANSWER_LINES_MAX) return lines
  const left = lines.length - ANSWER_LINES_MAX
  return [...lines.slice(0, ANSWER_LINES_MAX), `… ${left} more lines`]
}
