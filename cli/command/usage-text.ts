import { basename } from 'node:path'

/** kubectl finds a plugin by its file name and people call it by two words. */
export function programName(invokedAs: string): string {
  return basename(invokedAs).startsWith('kubectl-') ? 'kubectl lanyard' : 'lanyard'
}

/** Examples stand first in every help: they are what is looked for. */
export function examples(
  name: string,
  lines: readonly (readonly [command: string, what: string])[],
): string {
  const width = Math.max(...lines.map(([command]) => command.length))
  const text = lines.map(([command, what]) => `  ${name} ${command.padEnd(width)}   # ${what}`)
  return ['Examples:', ...text, ''].join('\n')
}
