/**
 * What must be done to a request that passes. Obligations only take away: they add up, and no rule
 * or principal takes back what another asks for.
 */
export interface Obligations {
  /** Names of what is hidden in the answer, sorted, each once. */
  readonly mask: readonly string[]
  /** Whether what goes through the tunnel is recorded. */
  readonly record: boolean
  /** Commands that must not run, sorted, each once: their words, of which `*` stands for any. */
  readonly commands: readonly (readonly string[])[]
}

/** Nothing to do. */
export const NO_OBLIGATIONS: Obligations = { mask: [], record: false, commands: [] }

/** Whether there is nothing to do. */
export function isFree({ mask, record, commands }: Obligations): boolean {
  return mask.length === 0 && !record && commands.length === 0
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
    record: asked.some(({ record }) => record),
    commands: [...commands.keys()].sort().map((key) => commands.get(key) ?? []),
  }
}

/** What must be done, in words: `it may pass only with these obligations: mask secret-values; record`. */
export function describeObligations({ mask, record, commands }: Obligations): string {
  const parts = [
    ...mask.map((name) => `mask ${name}`),
    ...(record ? ['record'] : []),
    ...commands.map((words) => `no command ${JSON.stringify(words.join(' '))}`),
  ]
  return `it may pass only with these obligations: ${parts.join('; ')}`
}
