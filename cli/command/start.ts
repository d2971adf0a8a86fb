import type { CommandContext } from './command-context.ts'

/** Prepares what a command needs, runs it, and keeps its exit code. */
export type Start = (run: (context: CommandContext) => Promise<number>) => Promise<void>
