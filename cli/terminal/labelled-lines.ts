import type { Terminal } from './terminal.ts'

const LABEL_WIDTH = 11

/** Lines of which the first has a label in front; none without lines. */
export function labelled(
  terminal: Pick<Terminal, 'style'>,
  label: string,
  lines: readonly string[],
): readonly string[] {
  return lines.map((line, index) => {
    const head =
      index === 0
        ? terminal.style('bold', label) + ' '.repeat(LABEL_WIDTH - label.length)
        : ' '.repeat(LABEL_WIDTH)
    return `${head}${line}`.trimEnd()
  })
}
