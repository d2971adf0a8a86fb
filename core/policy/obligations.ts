import type { RecordingLevel } from '../recording/session-event.ts'

/**
 * What must be done to a request that passes. Obligations only take away: they add up, and no rule
 * or principal takes back what another asks for.
 */
export interface Obligations {
  /** Names of what is hidden in the answer, sorted, each once. */
  readonly mask: readonly string[]
  /** How much of what goes through the tunnel is recorded. */
  readonly record: RecordingLevel
  /**
   * Commands that must not be typed into the session, sorted, each once: their words, of which `*` stands for one and
   * `**` for the rest. Each line is judged before it is sent.
   */
  readonly commands: readonly (readonly string[])[]
}

/** Nothing to do. */
export const NO_OBLIGATIONS: Obligations = { mask: [], record: 'none', commands: [] }

/** Whether there is nothing to do. */
export function isFree({ mask, record, commands }: Obligations): boolean {
  return mask.length === 0 && record === 'none' && commands.length === 0
}

/** All that any of them asks for; the same whatever their order. */
export function unionOf(all: readonly Obligations[]): Obligations {
  const asked = all.filter((one) => !isFree(one))
  if (asked.length === 0) return NO_OBLIGATIONS
  const commands = new Map(
    asked.flatMap((one) => one.commands).map((words) => [JSON.stringify(words), words]),
  )
  return {
    mask: [...new Set(asked.flatMap(({ mask }) => mask))].sort(),
    record: mostOf(asked.map(({ record }) => record)),
    commands: [...commands.keys()].sort().map((key) => commands.get(key) ?? []),
  }
}

/** Whether doing `done` does all that `wanted` asks for. */
export function covers(done: Obligations, wanted: Obligations): boolean {
  const known = new Set(done.commands.map((words) => JSON.stringify(words)))
  return (
    wanted.mask.every((name) => done.mask.includes(name)) &&
    mostOf([done.record, wanted.record]) === done.record &&
    wanted.commands.every((words) => known.has(JSON.stringify(words)))
  )
}

/** The most that any of them asks for; none of an empty list. */
function mostOf(levels: readonly RecordingLevel[]): RecordingLevel {
  if (levels.includes('all')) return 'all'
  return levels.includes('output') ? 'output' : 'none'
}

/** What must be done, in words: `it may pass only with these obligations: mask secret-values; record output`. */
export function describeObligations({ mask, record, commands }: Obligations): string {
  const parts = [
    ...mask.map((name) => `mask ${name}`),
    ...(record === 'none' ? [] : [`record ${record}`]),
    ...commands.map((words) => `no command ${JSON.stringify(words.join(' '))}`),
  ]
  return `it may pass only with these obligations: ${parts.join('; ')}`
}
