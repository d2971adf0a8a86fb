import type { Word } from './word.ts'

/** One simple command of a script, or what stands for one: assignments, or a file that is written. */
export interface ScriptCommand {
  /** The program first; empty where only variables are set or files written. */
  readonly words: readonly Word[]
  /** Names of the variables that are set before it, for it or for the shell. */
  readonly assigned: readonly string[]
  /**
   * What it reads: what the script itself reads, or what cannot be told (a pipe, a file), or a text that stands in
   * the script.
   */
  readonly input: 'inherited' | 'unknown' | { readonly text: string }
  /** Files that its redirections write. */
  readonly writes: readonly Word[]
}

/**
 * Reads a script of a POSIX shell or bash: every simple command in it, those of substitutions, functions and
 * here-documents included. A text says why the script is not understood. Must not throw.
 */
export type ScriptReader = (script: string) => readonly ScriptCommand[] | string

/** Reads no script: where there is no parser, what a script says is not understood. */
export const NO_SCRIPTS: ScriptReader = () => 'scripts are not read here'
