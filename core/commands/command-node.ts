import type { Word } from './word.ts'

/** What an allow list refuses unless it is named. */
export type CommandClass = 'shell' | 'interpreter' | 'environment' | 'write' | 'image'

/** A command, and the commands that it runs. */
export interface CommandNode {
  /** The program first; empty where only variables are set or files written. */
  readonly words: readonly Word[]
  /**
   * `plain`: itself. `through`: runs what is inside and changes nothing else, so an allow list looks only
   * inside. `elsewhere`: runs what is inside as somebody else or in another place, so that both must be allowed.
   */
  readonly kind: 'plain' | 'through' | 'elsewhere'
  readonly inner: readonly CommandNode[]
  /** Why what it runs cannot be told; absent where it can. */
  readonly problem?: string
  readonly classes: readonly { readonly name: CommandClass; readonly because: string }[]
  /** The words up to this one say what runs: only a pattern that has them literally names the command. */
  readonly namedBy: number
  /** Whether variables are set for it that change what runs. */
  readonly variables: boolean
  /** Text that is code in some language, in which a denied program may be named. */
  readonly code: readonly string[]
}

/** A command that runs nothing but itself. */
export function plainNode(words: readonly Word[]): CommandNode {
  return { words, kind: 'plain', inner: [], classes: [], namedBy: 0, variables: false, code: [] }
}

/** A command of which cannot be told what it runs. */
export function unclearNode(words: readonly Word[], problem: string): CommandNode {
  return {
    ...plainNode(words),
    problem,
    namedBy: words.length,
    code: words.map(({ text }) => text),
  }
}

/** Where a command stands: how deep in others, and what it reads. */
export interface CommandPlace {
  readonly depth: number
  /** `inherited` and `terminal`: what the caller types, `terminal` where a pager may ask, too. */
  readonly input: 'none' | 'inherited' | 'terminal' | 'unknown' | { readonly text: string }
}
